//! The schema's history runs both ways, and a stranger's schema is refused.

use domain::secret::secret_text;
use sea_orm::ConnectionTrait as _;
use storage::{Store, StoreError};

use crate::support::{MASTER_KEY, TestDatabase, operator, signing_key};

#[tokio::test]
async fn migrations_run_up_down_and_up_again() {
    let database = TestDatabase::create().await;
    let store = database.connect(MASTER_KEY).await.unwrap();
    store.migrate().await.unwrap();
    store.unmigrate().await.unwrap();
    assert!(store.find_tenant("acme").await.is_err());

    let again = database.connect(MASTER_KEY).await.unwrap();
    again.migrate().await.unwrap();

    assert!(again.find_tenant("acme").await.unwrap().is_none());
}

#[tokio::test]
async fn several_processes_that_start_together_make_one_schema_one_operator_and_one_key() {
    let database = TestDatabase::create().await;
    let one = database.connect(MASTER_KEY).await.unwrap();
    let other = database.connect(MASTER_KEY).await.unwrap();

    let third = database.connect(MASTER_KEY).await.unwrap();
    let start = async |store: &Store| {
        store.migrate().await?;
        let scope = operator();
        store.provider(&scope).ensure_operator("ops", &secret_text("x")).await?;
        store.ensure_signing_key(signing_key()).await
    };

    let (first, second, last) = tokio::join!(start(&one), start(&other), start(&third));

    assert!(
        first.is_ok() && second.is_ok() && last.is_ok(),
        "{first:?} {second:?} {last:?}"
    );
    assert_eq!(one.signing_keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_schema_newer_than_the_program_is_refused() {
    let database = TestDatabase::create().await;
    database.connect(MASTER_KEY).await.unwrap().migrate().await.unwrap();
    let stranger = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)";
    database.raw().await.execute_unprepared(stranger).await.unwrap();

    let store = database.connect(MASTER_KEY).await.unwrap();

    assert!(matches!(store.migrate().await, Err(StoreError::SchemaTooNew(name)) if name == "m9999_from_the_future"));
    assert!(matches!(
        store.require_current_schema().await,
        Err(StoreError::SchemaTooNew(_))
    ));
}

#[tokio::test]
async fn an_old_schema_is_refused_where_it_may_not_be_changed() {
    let database = TestDatabase::create().await;
    let store = database.connect(MASTER_KEY).await.unwrap();
    assert!(matches!(
        store.require_current_schema().await,
        Err(StoreError::SchemaTooOld(_))
    ));
    store.migrate().await.unwrap();
    assert!(store.require_current_schema().await.is_ok());
}

#[tokio::test]
async fn the_database_itself_refuses_a_cloud_tenant_with_a_connection() {
    let world = crate::support::World::new().await;
    let raw = world.database.raw().await;
    let smuggle = "UPDATE email_settings SET send_email_method = 'smtp', email_server = 'evil.example'";
    let other_edition = "UPDATE email_settings SET edition = 'on_premises'";
    assert!(raw.execute_unprepared(smuggle).await.is_err());
    assert!(raw.execute_unprepared(other_edition).await.is_err());
}
