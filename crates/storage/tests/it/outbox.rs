//! The outbox: claims, marks, outcomes, and what becomes of mail when processes die or time passes.

use std::time::Duration;

use domain::{
    message::{
        HeldBy,
        kind::{Content, Lane, TwoFactorCode},
    },
    outbox::{AttemptReport, Fence, HEARTBEAT, Job, LEASE, Outbox as _, Outcome, Room, Settled, Settlement},
    reply::{Reply, Stage, Suppress},
};
use storage::outbox::{Idempotency, Submitted};

use crate::support::{World, code, notification, operator};

/// What an attempt says that came as far as the server's reply.
pub(crate) fn report() -> AttemptReport {
    AttemptReport {
        route: None,
        server: Some("one".into()),
        stage: Stage::Dot,
        reply: Some(Reply::new(250, "2.0.0 Ok: queued")),
        error: None,
        tls_version: Some("TLSv1.3".into()),
        duration: Duration::from_millis(5),
    }
}

fn settlement(job: &Job, outcome: Outcome) -> Settlement {
    Settlement {
        lease: job.lease,
        node: domain::ids::NodeId::new(uuid::Uuid::nil()),
        message: job.message,
        lane: job.lane,
        outcome,
        report: Some(report()),
    }
}

async fn claim_one(world: &World, lane: Lane) -> Job {
    let mut jobs = world.outbox().claim(world.node, lane, Room::of(10)).await.unwrap();
    assert_eq!(jobs.len(), 1);
    jobs.remove(0)
}

#[tokio::test]
async fn a_message_is_claimed_once_marked_and_sent() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let job = claim_one(&world, Lane::Background).await;
    assert!(job.content == message.content && job.attempt == 1);
    assert_eq!(
        job.message_id_header,
        format!("{}@acme.example", message.recipients[0].0)
    );
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Background, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );

    assert_eq!(world.outbox().mark(job.lease).await.unwrap(), Fence::Open);
    assert_eq!(
        world.outbox().settle(settlement(&job, Outcome::Sent)).await.unwrap(),
        Settled::Yes
    );

    assert_eq!(world.status(&message).await, "sent");
    assert_eq!(world.timeline(&message).await, ["accepted", "attempt_started", "sent"]);
}

#[tokio::test]
async fn lanes_are_claimed_apart() {
    let world = World::new().await;
    world.submit(notification()).await;
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Urgent, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );
    world.submit(code()).await;
    assert_eq!(
        world
            .outbox()
            .claim(world.node, Lane::Urgent, Room::of(10))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn what_a_dead_process_held_without_a_mark_is_queued_again() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let lost = claim_one(&world, Lane::Background).await;

    world.clock.advance(LEASE + Duration::from_secs(1));
    world.outbox().sweep().await.unwrap();

    assert_eq!(world.status(&message).await, "queued");
    assert_eq!(world.outbox().mark(lost.lease).await.unwrap(), Fence::Lost);
    assert_eq!(claim_one(&world, Lane::Background).await.attempt, 2);
    assert_eq!(
        world.outbox().settle(settlement(&lost, Outcome::Sent)).await.unwrap(),
        Settled::Fenced
    );
}

#[tokio::test]
async fn what_a_restarted_process_held_before_is_queued_at_once() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let lost = claim_one(&world, Lane::Background).await;

    world.store.register_node(world.node, "test").await.unwrap();
    world.outbox().heartbeat(world.node, &[lost.lease]).await.unwrap();
    world.outbox().sweep().await.unwrap();

    assert_eq!(world.status(&message).await, "queued");
    assert_eq!(world.outbox().mark(lost.lease).await.unwrap(), Fence::Lost);
}

#[tokio::test]
async fn a_heartbeat_keeps_the_lease() {
    let world = World::new().await;
    world.submit(notification()).await;
    let job = claim_one(&world, Lane::Background).await;
    for _ in 0..3 {
        world.clock.advance(LEASE.saturating_sub(Duration::from_secs(5)));
        world.outbox().heartbeat(world.node, &[job.lease]).await.unwrap();
        world.outbox().sweep().await.unwrap();
    }
    assert_eq!(world.outbox().mark(job.lease).await.unwrap(), Fence::Open);
}

#[tokio::test]
async fn a_lease_that_the_process_does_not_know_of_runs_out_though_it_lives() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    // The claim was committed, its answer never came.
    claim_one(&world, Lane::Background).await;
    for _ in 0..5 {
        world.clock.advance(HEARTBEAT);
        world.outbox().heartbeat(world.node, &[]).await.unwrap();
        world.outbox().sweep().await.unwrap();
    }
    assert_eq!(world.status(&message).await, "queued");
}

#[tokio::test]
async fn a_mark_without_an_outcome_is_a_doubt_and_a_late_250_ends_it() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let job = claim_one(&world, Lane::Background).await;
    world.outbox().mark(job.lease).await.unwrap();
    world.clock.advance(LEASE + Duration::from_secs(1));
    world.outbox().sweep().await.unwrap();
    assert_eq!(world.status(&message).await, "outcome_unknown");

    assert_eq!(
        world.outbox().settle(settlement(&job, Outcome::Sent)).await.unwrap(),
        Settled::Yes
    );

    assert_eq!(world.status(&message).await, "sent");
    world.clock.advance(Duration::from_hours(1));
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Background, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_notification_of_unknown_outcome_goes_once_more_and_then_no_more() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let first = claim_one(&world, Lane::Background).await;
    world.outbox().mark(first.lease).await.unwrap();
    world
        .outbox()
        .settle(settlement(&first, Outcome::Unknown))
        .await
        .unwrap();
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Background, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );
    world.clock.advance(Duration::from_mins(11));
    let second = claim_one(&world, Lane::Background).await;
    world.outbox().mark(second.lease).await.unwrap();
    world
        .outbox()
        .settle(settlement(&second, Outcome::Unknown))
        .await
        .unwrap();
    world.clock.advance(Duration::from_hours(24));
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Background, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.status(&message).await, "outcome_unknown");
}

#[tokio::test]
async fn a_code_of_unknown_outcome_is_sent_again_only_while_it_helps() {
    let world = World::new().await;
    let message = world.submit(code()).await;
    let first = claim_one(&world, Lane::Urgent).await;
    world
        .outbox()
        .settle(settlement(&first, Outcome::Unknown))
        .await
        .unwrap();
    world.clock.advance(Duration::from_mins(9));
    let second = claim_one(&world, Lane::Urgent).await;
    world
        .outbox()
        .settle(settlement(&second, Outcome::Unknown))
        .await
        .unwrap();
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Urgent, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.status(&message).await, "outcome_unknown");
}

#[tokio::test]
async fn a_code_whose_time_is_up_is_neither_claimed_nor_let_through_the_fence() {
    let world = World::new().await;
    let waiting = world.submit(code()).await;
    let claimed = claim_one(&world, Lane::Urgent).await;
    let late = world.submit(code()).await;
    world.clock.advance(Duration::from_secs(30));
    let held = [claimed.lease];
    world.outbox().heartbeat(world.node, &held).await.unwrap();
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(30));
        world.outbox().heartbeat(world.node, &held).await.unwrap();
    }

    assert_eq!(world.outbox().mark(claimed.lease).await.unwrap(), Fence::Withdrawn);
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Urgent, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );
    world.outbox().sweep().await.unwrap();

    assert_eq!(world.status(&waiting).await, "expired");
    assert_eq!(world.status(&late).await, "expired");
    assert_eq!(world.timeline(&late).await, ["accepted", "expired"]);
}

#[tokio::test]
async fn a_newer_code_supersedes_what_waits_and_what_is_on_its_way() {
    let world = World::new().await;
    let on_its_way = world.submit_with(code(), Some("user-17")).await;
    let claimed = claim_one(&world, Lane::Urgent).await;
    let waiting = world.submit_with(code(), Some("user-17")).await;
    let other_user = world.submit_with(code(), Some("user-18")).await;

    let newest = world.submit_with(code(), Some("user-17")).await;

    assert_eq!(world.status(&waiting).await, "superseded");
    assert_eq!(world.outbox().mark(claimed.lease).await.unwrap(), Fence::Withdrawn);
    assert_eq!(world.status(&on_its_way).await, "superseded");
    assert_eq!(world.status(&other_user).await, "queued");
    assert_eq!(world.status(&newest).await, "queued");
}

#[tokio::test]
async fn what_was_put_back_untried_is_due_in_time_and_counts_as_no_attempt() {
    let world = World::new().await;
    world.submit(code()).await;
    let first = claim_one(&world, Lane::Urgent).await;
    let untried = Outcome::Held {
        by: HeldBy::ServerUnavailable,
        retry_in: Duration::from_secs(5),
    };
    world.outbox().settle(settlement(&first, untried)).await.unwrap();
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Urgent, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );

    world.clock.advance(Duration::from_secs(6));

    assert_eq!(claim_one(&world, Lane::Urgent).await.attempt, 1);
}

#[tokio::test]
async fn a_codes_body_is_erased_at_its_final_state_and_cannot_be_retried() {
    let world = World::new().await;
    let message = world.submit(code()).await;
    let job = claim_one(&world, Lane::Urgent).await;
    world
        .outbox()
        .settle(settlement(&job, Outcome::Bounced { suppress: Suppress::No }))
        .await
        .unwrap();

    let retried = world.store.tenant(&world.scope).retry_message(message.id).await;

    assert!(retried.unwrap_err().to_string().contains("erased"));
}

#[tokio::test]
async fn a_bounced_notification_can_be_retried_and_a_queued_one_cancelled() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let job = claim_one(&world, Lane::Background).await;
    world
        .outbox()
        .settle(settlement(
            &job,
            Outcome::Bounced {
                suppress: Suppress::Yes,
            },
        ))
        .await
        .unwrap();
    let tenant = world.store.tenant(&world.scope);
    assert_eq!(
        tenant.retry_message(message.id).await.unwrap().status().as_str(),
        "queued"
    );
    assert_eq!(
        tenant.cancel_message(message.id).await.unwrap().status().as_str(),
        "cancelled"
    );
    assert!(tenant.cancel_message(message.id).await.is_err());
    assert_eq!(
        world.timeline(&message).await,
        ["accepted", "attempt_started", "bounced", "retried", "cancelled"]
    );
}

#[tokio::test]
async fn a_suspended_tenants_mail_is_held_and_goes_on_when_it_is_resumed() {
    let world = World::new().await;
    let message = world.submit(notification()).await;
    let provider = operator();
    let provider = world.store.provider(&provider);
    provider
        .suspend_tenant(world.scope.id(), "unpaid".into())
        .await
        .unwrap();
    assert!(
        world
            .outbox()
            .claim(world.node, Lane::Background, Room::of(10))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.status(&message).await, "queued");

    provider.resume_tenant(world.scope.id()).await.unwrap();

    assert_eq!(claim_one(&world, Lane::Background).await.message, message.id);
}

#[tokio::test]
async fn the_same_key_and_body_store_once_and_answer_alike_under_contention() {
    let world = World::new().await;
    let domain = "acme.example".parse().unwrap();
    let key = |answer: &str| Idempotency {
        operation: "messages.submit",
        key: "order-42".into(),
        body: b"{}".to_vec(),
        status: 202,
        location: None,
        answer: answer.as_bytes().to_vec(),
    };
    let (one, other) = (world.message(notification()), world.message(notification()));
    let (first, second) = tokio::join!(
        world
            .store
            .submit(&world.scope, std::slice::from_ref(&one), &domain, Some(key("one"))),
        world
            .store
            .submit(&world.scope, std::slice::from_ref(&other), &domain, Some(key("other"))),
    );
    let answers = [first.unwrap(), second.unwrap()];
    assert_eq!(answers.iter().filter(|answer| **answer == Submitted::Stored).count(), 1);
    assert!(
        answers
            .iter()
            .any(|answer| matches!(answer, Submitted::Replayed { status: 202, .. }))
    );
    assert_eq!(
        world
            .outbox()
            .claim(world.node, Lane::Background, Room::of(10))
            .await
            .unwrap()
            .len(),
        1
    );

    let reused = Idempotency {
        body: b"{\"other\":1}".to_vec(),
        ..key("x")
    };
    let answer = world
        .store
        .submit(&world.scope, &[world.message(notification())], &domain, Some(reused))
        .await
        .unwrap();
    assert_eq!(answer, Submitted::KeyReused);
}

#[tokio::test]
async fn a_bad_row_fails_alone_in_its_group() {
    let world = World::new().await;
    let domain = "acme.example".parse().unwrap();
    let stored = world.message(notification());
    world
        .store
        .submit(&world.scope, std::slice::from_ref(&stored), &domain, None)
        .await
        .unwrap();
    let good = world.message(Content::TwoFactorCode(TwoFactorCode {
        code: "1234".into(),
        expires_in_minutes: 1,
    }));

    // The same id again breaks the primary key.
    let (bad, fine) = tokio::join!(
        world
            .store
            .submit(&world.scope, std::slice::from_ref(&stored), &domain, None),
        world
            .store
            .submit(&world.scope, std::slice::from_ref(&good), &domain, None),
    );

    assert!(bad.is_err());
    assert_eq!(fine.unwrap(), Submitted::Stored);
    assert_eq!(world.status(&good).await, "queued");
}
