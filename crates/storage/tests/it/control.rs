//! Cancelling and retrying beside workers: the timeline tells what was done, not what was meant.

use std::time::Duration;

use domain::{ids::DeliveryId, ids::TimeOrderedIds, message::Recipient};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement, TransactionTrait as _};

use crate::support::{World, notification};

/// Returns once a statement waits for a row that somebody holds. On `SQLite` only the beginning waits, which nobody sees.
async fn somebody_waits(raw: &DatabaseConnection) {
    if raw.get_database_backend() != DbBackend::Postgres {
        return;
    }
    let sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async || {
        let asked = Statement::from_string(DbBackend::Postgres, sql);
        raw.query_one_raw(asked).await.unwrap().is_some()
    };
    let patience = async {
        while !waiting().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), patience).await.unwrap();
}

#[tokio::test]
async fn what_a_worker_took_meanwhile_is_not_said_to_be_cancelled() {
    let world = World::new().await;
    let mut message = world.message(notification());
    message.recipients.push((
        DeliveryId::generate(&TimeOrderedIds),
        Recipient {
            email: "carol@acme.example".parse().unwrap(),
            name: None,
        },
    ));
    let domain = "acme.example".parse().unwrap();
    let submitted = world
        .store
        .submit(&world.scope, std::slice::from_ref(&message), &domain, None);
    submitted.await.unwrap();
    let raw = world.database.raw().await;
    let worker = raw.begin().await.unwrap();
    let takes = "UPDATE deliveries SET status = 'sending', due_at = NULL WHERE recipient = 'bob@acme.example'";
    worker.execute_unprepared(takes).await.unwrap();

    let (store, scope, id) = (world.store.clone(), world.scope.clone(), message.id);
    let cancelled = tokio::spawn(async move { store.tenant(&scope).cancel_message(id).await });
    somebody_waits(&raw).await;
    worker.commit().await.unwrap();
    cancelled.await.unwrap().unwrap();

    let page = storage::PageRequest::default();
    let timeline = world.store.tenant(&world.scope).events(id, page).await.unwrap();
    let told: Vec<_> = timeline
        .items
        .iter()
        .filter(|event| event.event_type.as_str() == "cancelled")
        .map(|event| event.delivery_id)
        .collect();
    assert_eq!(told, [Some(message.recipients[1].0)]);
}
