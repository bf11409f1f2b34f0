//! A tenant's deletion keeps nobody waiting, and is finished whatever happens.

use std::{pin::pin, time::Duration};

use domain::{
    access::TenantScope,
    message::kind::Lane,
    outbox::{Outbox as _, Room},
};
use sea_orm::{ConnectionTrait as _, Statement};
use storage::{StoreError, provider::Purge};

use crate::support::{World, notification, operator, tenant};

/// More than a few steps take.
const MANY: i64 = 5_000;
const TABLES: [&str; 3] = ["deliveries", "messages", "deleted_tenants"];

async fn rows(world: &World, table: &str) -> i64 {
    let raw = world.database.raw().await;
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let asked = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(asked).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

async fn submit_many(world: &World) {
    let domain = "acme.example".parse().unwrap();
    for _ in 0..MANY / 500 {
        let messages: Vec<_> = (0..500).map(|_| world.message(notification())).collect();
        world
            .store
            .submit(&world.scope, &messages, &domain, None)
            .await
            .unwrap();
    }
}

/// Submits for another tenant until the first one's mail is deleted in part.
async fn submit_until_half_deleted(world: &World, other: &TenantScope) {
    let mut own = 0;
    loop {
        world.submit_of(other, notification()).await;
        own += 1;
        let left = rows(world, "deliveries").await - own;
        assert!(left > 0, "everything went at once");
        if left < MANY {
            return;
        }
    }
}

#[tokio::test]
async fn others_submit_while_a_tenant_is_deleted_and_a_half_deleted_one_is_finished() {
    let world = World::new().await;
    let other = tenant(&world.store, "globex").await;
    submit_many(&world).await;
    let provider = operator();
    let provider = world.store.provider(&provider);
    {
        let mut deletion = pin!(provider.delete_tenant(world.scope.id(), Purge::Waiting));
        tokio::select! {
            ended = &mut deletion => panic!("nobody else had a turn: {ended:?}"),
            () = submit_until_half_deleted(&world, &other) => {}
        }
        // The process ends here.
    }

    assert!(world.store.find_tenant("acme").await.unwrap().is_none());
    let late = world.message(notification());
    let domain = "acme.example".parse().unwrap();
    let refused = world
        .store
        .submit(&world.scope, std::slice::from_ref(&late), &domain, None)
        .await;
    assert!(matches!(refused, Err(StoreError::NotFound(_))), "{refused:?}");
    let again = provider.delete_tenant(world.scope.id(), Purge::Waiting).await;
    assert!(matches!(again, Err(StoreError::NotFound(_))), "{again:?}");
    let jobs = world
        .outbox()
        .claim(world.node, Lane::Background, Room::of(10_000))
        .await
        .unwrap();
    assert!(!jobs.is_empty() && jobs.iter().all(|job| job.lease.tenant == other.id()));
    let successor = tenant(&world.store, "acme").await;
    world.submit_of(&successor, notification()).await;
    let kept = i64::try_from(jobs.len()).unwrap() + 1;

    world.store.finish_deletions().await.unwrap();

    let mut left = Vec::new();
    for table in TABLES {
        left.push(rows(&world, table).await);
    }
    assert_eq!(left, [kept, kept, 1]);
    world.clock.advance(Duration::from_mins(2));
    world.store.finish_deletions().await.unwrap();
    assert_eq!(rows(&world, "deleted_tenants").await, 0);
    assert_eq!(rows(&world, "deliveries").await, kept);
}

#[tokio::test]
async fn whatever_is_not_final_keeps_a_tenant() {
    let world = World::new().await;
    world.submit(notification()).await;
    let provider = operator();
    let provider = world.store.provider(&provider);
    for status in ["sending", "scheduled", "queued", "deferred", "outcome_unknown"] {
        let (due_at, lease) = match status {
            "sending" => ("NULL", "1"),
            "outcome_unknown" => ("NULL", "NULL"),
            _ => ("1", "NULL"),
        };
        let sql = format!("UPDATE deliveries SET status = '{status}', due_at = {due_at}, lease_until = {lease}");
        world.database.raw().await.execute_unprepared(&sql).await.unwrap();
        let refused = provider.delete_tenant(world.scope.id(), Purge::Nothing).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{status}: {refused:?}");
        assert!(world.store.find_tenant("acme").await.unwrap().is_some());
    }
    let bounced = "UPDATE deliveries SET status = 'bounced', due_at = NULL, lease_until = NULL";
    world.database.raw().await.execute_unprepared(bounced).await.unwrap();
    provider.delete_tenant(world.scope.id(), Purge::Nothing).await.unwrap();
    assert_eq!(rows(&world, "deliveries").await, 0);
}
