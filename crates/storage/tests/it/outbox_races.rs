//! The outbox where several do things at once, or later than they thought.

use std::time::Duration;

use domain::{
    ids::DeliveryId,
    message::{NewMessage, Recipient, kind::Lane},
    outbox::{Fence, Job, LEASE, Outbox as _, Outcome, Room, Settled, Settlement},
    reply::Suppress,
};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use storage::{outbox::Submitted, provider::Purge};

use crate::support::{World, code, notification, operator};

fn settlement(job: &Job, outcome: Outcome) -> Settlement {
    Settlement {
        lease: job.lease,
        node: domain::ids::NodeId::new(uuid::Uuid::nil()),
        message: job.message,
        lane: job.lane,
        outcome,
        report: None,
    }
}

async fn claim(world: &World, lane: Lane, most: usize) -> Vec<Job> {
    world.outbox().claim(world.node, lane, Room::of(most)).await.unwrap()
}

/// Rows behind the store's back.
async fn count(world: &World, of: &str) -> i64 {
    let raw = world.database.raw().await;
    let statement = Statement::from_string(raw.get_database_backend(), format!("SELECT COUNT(*) FROM {of}"));
    let row = raw.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn store(world: &World, messages: &[NewMessage]) {
    let domain = "acme.example".parse().unwrap();
    let stored = world.store.submit(&world.scope, messages, &domain, None).await.unwrap();
    assert_eq!(stored, Submitted::Stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn codes_whose_recipients_are_settled_at_once_are_all_erased() {
    let world = World::new().await;
    let recipient = |_| {
        let email = "bob@acme.example".parse().unwrap();
        (
            DeliveryId::generate(&domain::ids::TimeOrderedIds),
            Recipient { email, name: None },
        )
    };
    let messages: Vec<NewMessage> = (0..40)
        .map(|_| NewMessage {
            recipients: (0..6).map(recipient).collect(),
            ..world.message(code())
        })
        .collect();
    store(&world, &messages).await;
    let jobs = claim(&world, Lane::Urgent, 240).await;
    assert_eq!(jobs.len(), 240);

    let settling: Vec<_> = jobs
        .into_iter()
        .enumerate()
        .map(|(at, job)| {
            let outbox = world.outbox();
            tokio::spawn(async move {
                let outcome = if at % 2 == 0 {
                    Outcome::Sent
                } else {
                    Outcome::Bounced { suppress: Suppress::No }
                };
                outbox.settle(settlement(&job, outcome)).await.unwrap()
            })
        })
        .collect();
    for settled in settling {
        assert_eq!(settled.await.unwrap(), Settled::Yes);
    }

    assert_eq!(count(&world, "messages WHERE sealed IS NOT NULL").await, 0);
}

#[tokio::test]
async fn a_heartbeat_waits_for_nobody_who_works_on_a_lease() {
    let world = World::new().await;
    store(&world, &[world.message(notification()), world.message(notification())]).await;
    let jobs = claim(&world, Lane::Background, 2).await;
    let raw = world.database.raw().await;
    if raw.get_database_backend() != DbBackend::Postgres {
        return;
    }
    let other = raw.begin().await.unwrap();
    let lock = format!(
        "SELECT 1 FROM deliveries WHERE id = '{}' FOR UPDATE",
        jobs[0].lease.delivery.uuid()
    );
    other.execute_unprepared(&lock).await.unwrap();
    world.clock.advance(Duration::from_secs(30));

    let held = [jobs[0].lease, jobs[1].lease];
    let outbox = world.outbox();
    let renewed = tokio::time::timeout(Duration::from_secs(20), outbox.heartbeat(world.node, &held)).await;
    renewed.unwrap().unwrap();
    other.rollback().await.unwrap();

    world.clock.advance(LEASE.saturating_sub(Duration::from_secs(20)));
    world.outbox().sweep().await.unwrap();
    assert_eq!(world.outbox().mark(jobs[0].lease).await.unwrap(), Fence::Lost);
    assert_eq!(world.outbox().mark(jobs[1].lease).await.unwrap(), Fence::Open);
}

#[tokio::test]
async fn one_sweep_puts_right_all_there_is() {
    let world = World::new().await;
    let messages: Vec<NewMessage> = (0..1100).map(|_| world.message(code())).collect();
    store(&world, &messages).await;
    world.clock.advance(Duration::from_hours(1));

    world.outbox().sweep().await.unwrap();

    assert_eq!(count(&world, "deliveries WHERE status = 'expired'").await, 1100);
    assert_eq!(count(&world, "events WHERE type = 'expired'").await, 1100);
    assert_eq!(count(&world, "messages WHERE sealed IS NOT NULL").await, 0);
}

#[tokio::test]
async fn an_outcome_after_the_tenants_deletion_leaves_no_row() {
    let world = World::new().await;
    store(&world, &[world.message(notification())]).await;
    let jobs = claim(&world, Lane::Background, 1).await;
    let operator = operator();
    let provider = world.store.provider(&operator);
    provider.delete_tenant(world.scope.id(), Purge::Waiting).await.unwrap();

    let bounced = Outcome::Bounced { suppress: Suppress::No };
    let late = Settlement {
        report: Some(crate::outbox::report()),
        ..settlement(&jobs[0], bounced)
    };
    assert_eq!(world.outbox().settle(late).await.unwrap(), Settled::Fenced);

    assert_eq!(count(&world, "attempts").await, 0);
}

#[tokio::test]
async fn an_old_mark_does_not_open_the_fence_for_what_was_replaced_since() {
    let world = World::new().await;
    world.submit_with(code(), Some("user-17")).await;
    let jobs = claim(&world, Lane::Urgent, 1).await;
    assert_eq!(world.outbox().mark(jobs[0].lease).await.unwrap(), Fence::Open);
    world.submit_with(code(), Some("user-17")).await;

    assert_eq!(world.outbox().mark(jobs[0].lease).await.unwrap(), Fence::Withdrawn);
}

#[tokio::test]
async fn a_mark_and_its_taking_back_in_one_group_leave_no_mark() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let jobs = claim(&world, Lane::Background, 1).await;
    let outbox = world.outbox();
    // Both wait before the writer comes to run.
    let (marked, unmarked) = tokio::join!(outbox.mark(jobs[0].lease), outbox.unmark(jobs[0].lease));
    marked.unwrap();
    unmarked.unwrap();

    world.clock.advance(LEASE + Duration::from_secs(1));
    world.outbox().sweep().await.unwrap();

    assert_eq!(world.status(&message).await, "queued");
}

#[tokio::test]
async fn mail_accepted_of_a_suspended_tenant_is_not_handed_to_a_waiting_worker() {
    let world = World::new().await;
    let outbox = world.outbox();
    let hand_over = async || {
        // A lane that was looked through has workers.
        assert!(claim(&world, Lane::Background, 10).await.is_empty());
        let waits = outbox.wait(world.node, Lane::Background, Room::of(10));
        tokio::join!(waits, world.submit(notification()))
    };
    let (jobs, _) = hand_over().await;
    assert_eq!(jobs.unwrap().len(), 1);
    let operator = operator();
    let provider = world.store.provider(&operator);
    provider
        .suspend_tenant(world.scope.id(), "unpaid".into())
        .await
        .unwrap();

    let (jobs, message) = hand_over().await;

    assert!(jobs.unwrap().is_empty());
    assert_eq!(world.status(&message).await, "queued");
}
