//! A rotation as processes that share the database meet it.

use domain::{secret::Secret, tenant::Limits};
use storage::{
    Store, StoreError,
    provider::{NewEdition, NewTenant},
};

use crate::support::{MASTER_KEY, TestDatabase, World, operator, signing_key, tenant};

const NEW_KEY: [u8; 32] = [9; 32];

fn secret(key: [u8; 32]) -> Secret<[u8; 32]> {
    Secret::new(Box::new(key))
}

async fn create(store: &Store, slug: &str) -> Result<(), StoreError> {
    let new = NewTenant {
        slug: slug.parse().unwrap(),
        name: "Globex".parse().unwrap(),
        edition: NewEdition::OnPremises,
        limits: Limits::default(),
    };
    store.provider(&operator()).create_tenant(new).await.map(drop)
}

#[tokio::test]
async fn a_new_master_key_opens_what_the_old_one_did_and_the_old_one_nothing() {
    let world = World::new().await;
    world.store.ensure_signing_key(signing_key()).await.unwrap();

    let count = world
        .store
        .provider(&operator())
        .rotate_master_key(&secret(NEW_KEY))
        .await
        .unwrap();

    assert_eq!(count, 2);
    assert!(world.store.has_master_key(&secret(NEW_KEY)));
    tenant(&world.store, "globex").await;
    let new = world.database.connect(NEW_KEY).await.unwrap();
    new.migrate().await.unwrap();
    assert_eq!(new.signing_keys().await.unwrap().len(), 1);
    let old = world.database.connect(MASTER_KEY).await.unwrap();
    assert!(matches!(old.migrate().await, Err(StoreError::WrongMasterKey)));
}

#[tokio::test]
async fn a_process_with_the_old_master_key_makes_no_key_that_the_new_one_does_not_open() {
    let database = TestDatabase::create().await;
    let late = database.connect(MASTER_KEY).await.unwrap();
    late.migrate().await.unwrap();
    let other = database.connect(MASTER_KEY).await.unwrap();
    other.migrate().await.unwrap();
    other
        .provider(&operator())
        .rotate_master_key(&secret(NEW_KEY))
        .await
        .unwrap();

    assert!(matches!(create(&late, "globex").await, Err(StoreError::WrongMasterKey)));

    late.look_for_master_keys(|| vec![secret([1; 32]), secret(NEW_KEY)]);
    create(&late, "globex").await.unwrap();
    assert!(late.has_master_key(&secret(NEW_KEY)));
    other
        .provider(&operator())
        .rotate_master_key(&secret([5; 32]))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_rotation_with_the_wrong_master_key_changes_nothing() {
    let database = TestDatabase::create().await;
    let one = database.connect(MASTER_KEY).await.unwrap();
    one.migrate().await.unwrap();
    let other = database.connect(MASTER_KEY).await.unwrap();
    other.migrate().await.unwrap();
    one.provider(&operator())
        .rotate_master_key(&secret(NEW_KEY))
        .await
        .unwrap();

    let refused = other.provider(&operator()).rotate_master_key(&secret([5; 32])).await;

    assert!(matches!(refused, Err(StoreError::WrongMasterKey)));
    database.connect(NEW_KEY).await.unwrap().migrate().await.unwrap();
}

#[tokio::test]
async fn tenants_made_while_the_master_key_changes_are_all_readable() {
    let world = World::new().await;
    let other = world.database.connect(MASTER_KEY).await.unwrap();
    other.migrate().await.unwrap();
    other.look_for_master_keys(|| vec![secret(NEW_KEY)]);
    let scope = operator();
    let make = async {
        for n in 0..8 {
            create(&other, &format!("t{n}")).await.unwrap();
        }
    };

    let (rotated, ()) = tokio::join!(
        async { world.store.provider(&scope).rotate_master_key(&secret(NEW_KEY)).await },
        make
    );

    rotated.unwrap();
    let fresh = world.database.connect(NEW_KEY).await.unwrap();
    fresh.migrate().await.unwrap();
    // Opens every key there is.
    let count = fresh
        .provider(&operator())
        .rotate_master_key(&secret([5; 32]))
        .await
        .unwrap();
    assert_eq!(count, 10);
}
