//! How much is asked of Microsoft at once, how soon again, and who pays where it says no.

use std::time::Duration;

use domain::{
    message::kind::{Kind, Lane},
    outbox::{Job, Lease, Outcome},
};
use futures_util::future::join_all;
use relay::graph_emulator::{At, Play, Said, Script, documented};

use super::world::{job_over, settings, world};
use crate::sample::{id, put_back};

#[tokio::test]
async fn an_application_has_four_requests_under_way_at_most_even_for_two_tenants() {
    let (world, via) = (world().await, settings());
    world
        .emulator
        .play(Script::new().always_at(At::Send, Play::Delay(Duration::from_millis(20))));
    let jobs: Vec<Job> = (0..16)
        .map(|_| job_over(&via, Kind::Notification))
        .chain((0..8).map(|_| job_over(&via, Kind::TwoFactorCode)))
        .collect();

    let outcomes = join_all(jobs.iter().map(|job| world.attempt(job))).await;

    let sent = outcomes.iter().filter(|(outcome, _)| *outcome == Outcome::Sent).count();
    assert_eq!(sent, jobs.len(), "{outcomes:?}");
    assert_eq!(world.emulator.most_at_once(), 4);
}

#[tokio::test]
async fn a_tenant_that_is_throttled_rests_as_long_as_it_was_told_and_others_do_not() {
    let (world, via) = (world().await, settings());
    let throttled = documented("ApplicationThrottled").unwrap().with("retry-after", "40");
    world.emulator.play(Script::new().at(At::Send, [Play::Say(throttled)]));
    let job = job_over(&via, Kind::Notification);

    let (first, _) = world.attempt(&job).await;
    let (second, report) = world.attempt(&job).await;

    assert_eq!(
        first,
        Outcome::Deferred {
            retry_in: Duration::from_secs(40)
        }
    );
    let rest = put_back(&second).unwrap();
    assert!(
        rest > Duration::from_secs(30) && rest <= Duration::from_secs(40),
        "{rest:?}"
    );
    assert!(report.error.unwrap().contains("ApplicationThrottled"));
    let blocked = world.transports.blocked_tenants(Lane::Urgent);
    assert_eq!(blocked.len(), 1);
    assert_eq!(blocked[0].tenant, job.lease.tenant);
    let other = job_over(&settings(), Kind::Notification);
    assert_eq!(world.attempt(&other).await.0, Outcome::Sent);
}

#[tokio::test]
async fn a_wrong_secret_is_not_tried_again_with_the_next_mail() {
    let (world, mut via) = (world().await, settings());
    via.application.client_secret = domain::secret::secret_text("wrong");
    let job = job_over(&via, Kind::Notification);
    assert!(matches!(world.attempt(&job).await.0, Outcome::Held { .. }));

    assert!(put_back(&world.attempt(&job).await.0).is_some());

    assert_eq!(world.emulator.tokens_asked(), 1);
}

#[tokio::test]
async fn mended_settings_are_tried_at_once() {
    let (world, mut via) = (world().await, settings());
    via.application.client_secret = domain::secret::secret_text("wrong");
    let job = job_over(&via, Kind::Notification);
    world.attempt(&job).await;
    via.application.client_secret = domain::secret::secret_text(super::world::SECRET);
    let mended = job_over(&via, Kind::Notification);
    let mended = Job {
        lease: Lease {
            tenant: job.lease.tenant,
            ..mended.lease
        },
        ..mended
    };

    assert_eq!(world.attempt(&mended).await.0, Outcome::Sent);
    assert_eq!(world.transports.blocked_tenants(Lane::Background), []);
}

#[tokio::test]
async fn a_message_that_is_refused_keeps_no_other_message_from_the_mailbox() {
    let (world, via) = (world().await, settings());
    let refused = Play::Say(documented("ErrorInvalidRecipients").unwrap());
    world
        .emulator
        .play(Script::new().at(At::Send, [refused.clone(), refused.clone(), refused.clone(), refused]));
    let job = job_over(&via, Kind::Notification);
    for _ in 0..4 {
        assert!(matches!(world.attempt(&job).await.0, Outcome::Bounced { .. }));
    }
    assert_eq!(world.attempt(&job).await.0, Outcome::Sent);
}

#[tokio::test]
async fn three_failures_in_a_row_give_microsoft_a_rest() {
    let (world, via) = (world().await, settings());
    world
        .emulator
        .play(Script::new().always_at(At::Send, Play::Say(Said::status(500))));
    let job = job_over(&via, Kind::Notification);
    for _ in 0..3 {
        assert!(matches!(world.attempt(&job).await.0, Outcome::Deferred { .. }));
    }
    assert!(put_back(&world.attempt(&job).await.0).is_some());
    assert_eq!(world.emulator.sends_begun(), 3);
    let other = Job {
        lease: Lease {
            tenant: id(),
            ..job.lease
        },
        ..job
    };
    assert!(put_back(&world.attempt(&other).await.0).is_none());
}
