//! Mail that may or may not have arrived, of a tenant that would rather miss one than get two.

use std::time::Duration;

use domain::{
    message::{
        NewMessage,
        kind::{Content, Lane},
    },
    outbox::{Job, LEASE, Outbox as _, Outcome, Room, Settlement},
    preferences::{OnOutcomeUnknown, Preferences},
};

use crate::support::{World, code, notification};

async fn holding() -> World {
    let world = World::new().await;
    let hold = Preferences {
        on_outcome_unknown: OnOutcomeUnknown::Hold,
        ..Preferences::default()
    };
    let tenant = world.store.tenant(&world.scope);
    tenant.replace_preferences(&hold, None).await.unwrap();
    world
}

async fn marked(world: &World, content: Content) -> (NewMessage, Job) {
    let lane = content.kind().lane();
    let message = world.submit(content).await;
    let job = world
        .outbox()
        .claim(world.node, lane, Room::of(1))
        .await
        .unwrap()
        .remove(0);
    world.outbox().mark(job.lease).await.unwrap();
    (message, job)
}

async fn settle_unknown(world: &World, job: &Job) {
    let settlement = Settlement {
        lease: job.lease,
        node: world.node,
        message: job.message,
        lane: job.lane,
        outcome: Outcome::Unknown,
        report: None,
    };
    world.outbox().settle(settlement).await.unwrap();
}

async fn claimed(world: &World, lane: Lane) -> usize {
    world
        .outbox()
        .claim(world.node, lane, Room::of(10))
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn a_held_notification_waits_for_a_retry() {
    let world = holding().await;
    let (message, job) = marked(&world, notification()).await;
    assert_eq!(job.unknowns, 0);
    settle_unknown(&world, &job).await;

    world.clock.advance(Duration::from_hours(1));
    assert_eq!(claimed(&world, Lane::Background).await, 0);
    assert_eq!(world.status(&message).await, "outcome_unknown");

    let tenant = world.store.tenant(&world.scope);
    tenant.retry_message(message.id).await.unwrap();
    let outbox = world.outbox();
    let again = outbox.claim(world.node, Lane::Background, Room::of(10)).await.unwrap();
    let unknowns: Vec<u32> = again.iter().map(|job| job.unknowns).collect();
    assert_eq!(unknowns, [1], "whoever sends it again knows of the doubt");
}

#[tokio::test]
async fn what_a_dead_process_left_in_doubt_is_held_too() {
    let world = holding().await;
    let (message, _) = marked(&world, notification()).await;

    world.clock.advance(LEASE + Duration::from_secs(1));
    world.outbox().sweep().await.unwrap();
    world.clock.advance(Duration::from_hours(1));

    assert_eq!(claimed(&world, Lane::Background).await, 0);
    assert_eq!(world.status(&message).await, "outcome_unknown");
}

#[tokio::test]
async fn a_code_is_sent_again_all_the_same() {
    let world = holding().await;
    let (_, job) = marked(&world, code()).await;

    settle_unknown(&world, &job).await;

    assert_eq!(claimed(&world, Lane::Urgent).await, 1);
}
