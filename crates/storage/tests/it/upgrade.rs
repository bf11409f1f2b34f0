//! A database with mail in it, brought from the schema before the lean outbox to this one.

use std::time::Duration;

use domain::{
    clock::to_millis,
    ids::{IdSource as _, TimeOrderedIds},
    message::{NewMessage, kind::Lane},
    outbox::{Outbox as _, Room},
};
use migrations::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend};
use storage::PageRequest;

use crate::support::{MASTER_KEY, World, notification, provider};

/// Migrations before the lean outbox.
const BEFORE: u32 = 7;
/// Tables whose rows are the same before and after.
const UNCHANGED: [&str; 4] = ["tenants", "sealing_keys", "email_settings", "routes"];
const DELIVERY: &str =
    "expires_at, unknowns, lease_epoch, lease_until, lease_node, dot_at, held_by, last_error, updated_at";

async fn run(raw: &DatabaseConnection, sql: &str) {
    raw.execute_unprepared(sql).await.unwrap();
}

fn new_id(raw: &DatabaseConnection) -> String {
    let id = TimeOrderedIds.next().simple();
    if raw.get_database_backend() == DbBackend::Postgres {
        format!("'{id}'::uuid")
    } else {
        format!("x'{id}'")
    }
}

/// Writes a tenant's message as the version before had it: a body in a table of its own, a copy that is queued and one that
/// was sent, and every event a row.
async fn write_as_before(raw: &DatabaseConnection, message: &NewMessage) {
    for table in UNCHANGED {
        run(raw, &format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
    }
    let columns = "tenant_id, id, kind, lane, locale, created_at, expires_at, send_at, supersede_key, metadata";
    run(
        raw,
        &format!("INSERT INTO messages ({columns}) SELECT {columns} FROM kept_messages"),
    )
    .await;
    run(
        raw,
        "INSERT INTO message_bodies (tenant_id, message_id, sealed) SELECT tenant_id, id, sealed FROM kept_messages",
    )
    .await;
    let columns = "tenant_id, message_id, lane, kind, recipient_name, message_id_domain";
    let copy = format!("INSERT INTO deliveries ({columns}, {DELIVERY}, id, recipient, status, due_at, attempts)");
    let of = format!("SELECT {columns}, {DELIVERY}");
    run(
        raw,
        &format!("{copy} {of}, id, recipient, status, due_at, attempts FROM kept_deliveries"),
    )
    .await;
    let id = new_id(raw);
    run(
        raw,
        &format!("{copy} {of}, {id}, 'carol@acme.example', 'sent', NULL, 1 FROM kept_deliveries"),
    )
    .await;
    for (event_type, at) in [("accepted", 0), ("sent", -1)] {
        let (id, at) = (new_id(raw), to_millis(message.created_at) + at);
        let sql = format!(
            "INSERT INTO events (tenant_id, id, message_id, type, at, detail) \
             SELECT tenant_id, {id}, id, '{event_type}', {at}, '{{}}' FROM kept_messages"
        );
        run(raw, &sql).await;
    }
}

#[tokio::test]
async fn mail_of_the_version_before_is_still_there_and_still_goes() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let raw = world.database.raw().await;
    for table in UNCHANGED.into_iter().chain(["messages", "deliveries"]) {
        run(&raw, &format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
    }
    world.store.unmigrate().await.unwrap();
    Migrator::up(&raw, Some(BEFORE)).await.unwrap();
    write_as_before(&raw, &message).await;

    let store = world.database.connect(MASTER_KEY).await.unwrap();
    store.migrate().await.unwrap();
    store.register_node(world.node, "test").await.unwrap();

    let outbox = store.clone().outbox(provider(), Duration::from_mins(10));
    let jobs = outbox.claim(world.node, Lane::Background, Room::of(10)).await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].lease.delivery, message.recipients[0].0);
    assert!(jobs[0].content == message.content);
    let tenant = store.tenant(&world.scope);
    let copies = tenant.message(message.id).await.unwrap().deliveries;
    let mut states: Vec<_> = copies.iter().map(|copy| copy.status.as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["sending", "sent"]);
    let timeline = tenant.events(message.id, PageRequest::default()).await.unwrap();
    let told: Vec<_> = timeline.items.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(told, ["accepted", "sent", "attempt_started"]);
}
