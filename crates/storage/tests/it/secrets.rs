//! What a thief of the database finds: sealed values, bound to their rows and to the master key.

use domain::message::kind::Lane;
use domain::outbox::{Outbox as _, Room};
use sea_orm::{ConnectionTrait as _, Statement};
use storage::StoreError;

use crate::support::{MASTER_KEY, TestDatabase, World, code, notification, signing_key, tenant};

#[tokio::test]
async fn another_master_key_is_noticed_at_start_up() {
    let database = TestDatabase::create().await;
    database.connect(MASTER_KEY).await.unwrap().migrate().await.unwrap();

    let store = database.connect([8; 32]).await.unwrap();

    assert!(matches!(store.migrate().await, Err(StoreError::WrongMasterKey)));
}

#[tokio::test]
async fn bodies_and_route_passwords_are_nowhere_in_the_tables() {
    let world = World::new().await;
    world.submit(code()).await;
    world.submit(notification()).await;
    let raw = world.database.raw().await;
    for (table, column) in [
        ("messages", "sealed"),
        ("routes", "password_sealed"),
        ("deliveries", "recipient"),
        ("messages", "metadata"),
    ] {
        let sql = format!("SELECT {column} AS found FROM {table}");
        let rows = raw
            .query_all_raw(Statement::from_string(raw.get_database_backend(), sql))
            .await
            .unwrap();
        assert!(!rows.is_empty(), "{table} is empty");
        for row in rows {
            let bytes: Vec<u8> = row
                .try_get::<Vec<u8>>("", "found")
                .or_else(|_| row.try_get::<String>("", "found").map(String::into_bytes))
                .unwrap();
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            assert!(!text.contains("canary"), "{table}.{column} shows a canary");
        }
    }
}

#[tokio::test]
async fn a_body_moved_to_another_message_does_not_open_and_stays_in_the_queue() {
    let world = World::new().await;
    let one = world.submit(notification()).await;
    let two = world.submit(notification()).await;
    let raw = world.database.raw().await;
    let backend = raw.get_database_backend();
    let swap = "UPDATE messages SET sealed = (SELECT sealed FROM messages WHERE id = $2) WHERE id = $1";
    let values = [one.id.uuid().into(), two.id.uuid().into()];
    raw.execute_raw(Statement::from_sql_and_values(backend, swap, values))
        .await
        .unwrap();

    let jobs = world
        .outbox()
        .claim(world.node, Lane::Background, Room::of(10))
        .await
        .unwrap();

    assert_eq!(jobs.iter().map(|job| job.message).collect::<Vec<_>>(), [two.id]);
    assert_eq!(world.status(&one).await, "sending");
}

#[tokio::test]
async fn tenants_do_not_share_a_key() {
    let world = World::new().await;
    tenant(&world.store, "globex").await;
    let raw = world.database.raw().await;
    let sql = "SELECT COUNT(DISTINCT wrapped) AS keys FROM sealing_keys";
    let row = raw
        .query_one_raw(Statement::from_string(raw.get_database_backend(), sql))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.try_get::<i64>("", "keys").unwrap(), 3);
}

#[tokio::test]
async fn a_rotated_signing_key_stays_to_verify_and_the_new_one_signs() {
    let world = World::new().await;
    let (first, second) = (signing_key(), signing_key());
    let (old, new) = (first.kid.clone(), second.kid.clone());
    world.store.ensure_signing_key(first).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(1));
    world.store.rotate_signing_key(second).await.unwrap();

    let keys = world.store.signing_keys().await.unwrap();

    let in_use: Vec<_> = keys
        .iter()
        .filter(|key| key.retired_at.is_none())
        .map(|key| &key.kid)
        .collect();
    assert_eq!(in_use, [&new]);
    assert!(keys.iter().any(|key| key.kid == old && key.retired_at.is_some()));
}
