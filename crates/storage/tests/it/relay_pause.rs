//! The pause: once it is answered no later claim commits, on any process; what waits says why.

use std::time::Duration;

use domain::{
    message::{HeldBy, NewMessage, kind::Lane},
    outbox::{Fence, Outbox as _, Room},
};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement, TransactionTrait as _};
use storage::{Store, provider::RelayState};

use crate::support::{MASTER_KEY, World, notification, operator, provider};

async fn pause(store: &Store, reason: &str) -> RelayState {
    store
        .provider(&operator())
        .pause_relay(reason.to_owned())
        .await
        .unwrap()
}

async fn resume(store: &Store) -> RelayState {
    store.provider(&operator()).resume_relay().await.unwrap()
}

async fn claimed(world: &World, store: &Store) -> usize {
    let outbox = store.clone().outbox(provider(), Duration::from_mins(10));
    outbox
        .claim(world.node, Lane::Background, Room::of(10))
        .await
        .unwrap()
        .len()
}

async fn held_by(world: &World, message: &NewMessage) -> Option<HeldBy> {
    let found = world.store.tenant(&world.scope).message(message.id).await.unwrap();
    found.deliveries[0].held_by
}

async fn number(raw: &DatabaseConnection, sql: &str) -> i64 {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn a_pause_stops_claims_on_every_process_and_a_resume_starts_them() {
    let world = World::new().await;
    let other = world.database.connect(MASTER_KEY).await.unwrap();
    other.require_current_schema().await.unwrap();
    pause(&world.store, "Fire").await;

    let message = world.submit(notification()).await;

    assert_eq!(
        (claimed(&world, &world.store).await, claimed(&world, &other).await),
        (0, 0)
    );
    assert_eq!(held_by(&world, &message).await, Some(HeldBy::RelayPaused));
    resume(&other).await;
    assert_eq!(held_by(&world, &message).await, None);
    assert_eq!(claimed(&world, &world.store).await, 1);
}

#[tokio::test]
async fn what_was_claimed_before_the_pause_is_finished() {
    let world = World::new().await;
    world.submit(notification()).await;
    let job = world
        .outbox()
        .claim(world.node, Lane::Background, Room::of(1))
        .await
        .unwrap()
        .remove(0);

    pause(&world.store, "Fire").await;

    assert_eq!(world.outbox().mark(job.lease).await.unwrap(), Fence::Open);
}

#[tokio::test]
async fn pausing_again_keeps_the_first_instant_and_each_change_is_audited_once() {
    let world = World::new().await;
    let first = pause(&world.store, "Fire").await;
    world.clock.advance(Duration::from_mins(1));

    assert_eq!(pause(&world.store, "Fire").await, first);
    let renamed = pause(&world.store, "Flood").await;
    assert_eq!(
        renamed.paused.as_ref().map(|paused| paused.at),
        first.paused.map(|paused| paused.at)
    );
    assert_eq!(renamed.version, first.version + 1);
    resume(&world.store).await;
    assert_eq!(resume(&world.store).await.paused, None);

    let audited = "SELECT COUNT(*) FROM audit_entries WHERE target = 'relay'";
    assert_eq!(number(&world.database.raw().await, audited).await, 3);
}

#[tokio::test]
async fn a_pause_waits_for_claims_in_flight_and_goes_before_those_that_come_later() {
    let world = World::new().await;
    if !world.store.is_shared() {
        return; // SQLite has one writer: nothing is ever in flight beside it.
    }
    world.submit(notification()).await;
    let raw = world.database.raw().await;
    let in_flight = raw.begin().await.unwrap();
    in_flight
        .execute_unprepared("SELECT paused_at FROM relay_state WHERE id = 1 FOR SHARE")
        .await
        .unwrap();

    let pausing = tokio::spawn({
        let store = world.store.clone();
        async move { pause(&store, "Fire").await }
    });
    waiting(&world, 1).await;
    let later = tokio::spawn({
        let (outbox, node) = (world.outbox(), world.node);
        async move { outbox.claim(node, Lane::Background, Room::of(10)).await.unwrap().len() }
    });
    waiting(&world, 2).await;
    assert!(!pausing.is_finished());
    in_flight.commit().await.unwrap();

    assert!(pausing.await.unwrap().paused.is_some());
    assert_eq!(later.await.unwrap(), 0);
}

/// Until so many connections to this test's database wait for a lock.
async fn waiting(world: &World, connections: i64) {
    let raw = world.database.raw().await;
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let found = async {
        while number(&raw, sql).await < connections {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found).await.unwrap();
}
