//! From claim to settlement: every claimed delivery is settled, whatever happens to it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use domain::{
    message::kind::{Content, Lane, Link, Notification, Severity},
    outbox::{Fence, Job, Outcome, Path},
    reply::Suppress,
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use relay::{
    dispatcher::{Dispatcher, Places, RelaySettings},
    inbox::{Behaviour, Inbox, Script, Step},
    metrics::Metrics,
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    double::{MemoryOutbox, OnMark},
    sample::{PATIENCE, id, inbox, job, loopback_gate, mails_begun, over, provider, route},
};

/// A running relay over an outbox in memory.
struct Running {
    outbox: Arc<MemoryOutbox>,
    shutdown: CancellationToken,
    dispatcher: JoinHandle<()>,
    metrics: Metrics,
}

impl Running {
    fn start(on_mark: OnMark) -> Self {
        let outbox = Arc::new(MemoryOutbox::new(on_mark));
        let (shutdown, metrics) = (CancellationToken::new(), Metrics::default());
        let settings = RelaySettings {
            places: Places {
                urgent: 2,
                interactive: 2,
                background: 2,
            },
            ..RelaySettings::new(provider(), loopback_gate())
        };
        let dispatcher = Dispatcher::new(Arc::clone(&outbox), settings, id(), metrics.clone()).unwrap();
        Self {
            dispatcher: tokio::spawn(dispatcher.run(shutdown.clone())),
            outbox,
            shutdown,
            metrics,
        }
    }

    /// Its metrics, as Prometheus gets them.
    fn counted(&self) -> String {
        let mut registry = Registry::default();
        self.metrics.register(&mut registry);
        let mut shown = String::new();
        encode(&mut shown, &registry).unwrap();
        shown
    }

    async fn stop(self) -> Arc<MemoryOutbox> {
        self.shutdown.cancel();
        timeout(PATIENCE, self.dispatcher).await.unwrap().unwrap();
        self.outbox
    }
}

fn open() -> OnMark {
    OnMark::Answer(Fence::Open)
}

fn to(inbox: &Inbox) -> Path {
    over([route("main", inbox.addr())])
}

#[tokio::test]
async fn what_is_due_is_sent_settled_and_counted() {
    let inbox = inbox(Script::new()).await;
    let relay = Running::start(open());
    for lane in Lane::ALL {
        relay.outbox.put(job(lane, to(&inbox)));
    }

    let outcomes = relay.outbox.outcomes(3).await;

    assert_eq!(outcomes, [Outcome::Sent, Outcome::Sent, Outcome::Sent]);
    assert_eq!(inbox.received(), 3);
    let shown = relay.counted();
    assert!(
        shown.contains("letterhead_attempts_total{outcome=\"sent\",lane=\"urgent\"} 1"),
        "{shown}"
    );
    assert!(relay.stop().await.heartbeats.load(Ordering::SeqCst) >= 1);
}

#[tokio::test]
async fn a_dot_after_an_unknown_outcome_counts_as_a_possible_duplicate_and_an_attempt_without_a_dot_does_not() {
    let taking = inbox(Script::new()).await;
    let refusing = inbox(Script::new().always_at(Step::Rcpt, Behaviour::Reply("550 5.1.1 No such user".into()))).await;
    let relay = Running::start(open());
    for (unknowns, inbox) in [(0, &taking), (1, &taking), (2, &taking), (1, &refusing)] {
        relay.outbox.put(Job {
            unknowns,
            ..job(Lane::Urgent, to(inbox))
        });
    }

    relay.outbox.outcomes(4).await;

    let shown = relay.counted();
    assert!(shown.contains("letterhead_possible_duplicates_total 2\n"), "{shown}");
}

#[tokio::test]
async fn more_than_there_are_places_for_is_sent_all_the_same() {
    let inbox = inbox(Script::new()).await;
    let relay = Running::start(open());
    let path = to(&inbox);
    for _ in 0..20 {
        relay.outbox.put(job(Lane::Background, path.clone()));
    }
    assert_eq!(relay.outbox.outcomes(20).await.len(), 20);
    assert_eq!(inbox.received(), 20);
}

#[tokio::test]
async fn a_code_is_sent_while_every_background_place_hangs() {
    let hanging = inbox(Script::new().always_at(Step::Greeting, Behaviour::Hang)).await;
    let alive = inbox(Script::new()).await;
    let relay = Running::start(open());
    for _ in 0..8 {
        relay.outbox.put(job(Lane::Background, to(&hanging)));
    }
    relay.outbox.put(job(Lane::Urgent, to(&alive)));

    assert_eq!(relay.outbox.outcomes(1).await, [Outcome::Sent]);
    assert_eq!(relay.outbox.waiting(), 6);
}

#[tokio::test]
async fn a_delivery_that_another_process_has_is_neither_sent_nor_settled() {
    for fence in [Fence::Lost, Fence::Withdrawn] {
        let inbox = inbox(Script::new()).await;
        let relay = Running::start(OnMark::Answer(fence));
        relay.outbox.put(job(Lane::Urgent, to(&inbox)));

        relay.outbox.marks(1).await;
        let outbox = relay.stop().await;

        assert_eq!(outbox.settlements(), []);
        assert_eq!(inbox.received(), 0);
    }
}

#[tokio::test]
async fn an_attempt_that_panics_is_deferred() {
    let inbox = inbox(Script::new()).await;
    let relay = Running::start(OnMark::Panic);
    relay.outbox.put(job(Lane::Urgent, to(&inbox)));

    let outcomes = relay.outbox.outcomes(1).await;

    assert!(matches!(outcomes[0], Outcome::Deferred { .. }), "{outcomes:?}");
    assert_eq!(inbox.received(), 0);
}

#[tokio::test]
async fn an_outcome_is_settled_as_soon_as_the_store_takes_it() {
    let inbox = inbox(Script::new()).await;
    let relay = Running::start(open());
    relay.outbox.fail_to_settle(3);
    relay.outbox.put(job(Lane::Urgent, to(&inbox)));

    assert_eq!(relay.outbox.outcomes(1).await, [Outcome::Sent]);
    assert_eq!(inbox.received(), 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_composed_bounces_with_the_reason() {
    let inbox = inbox(Script::new()).await;
    let relay = Running::start(open());
    let bad = Content::Notification(Notification {
        subject: "a".to_owned(),
        body_markdown: "b".to_owned(),
        severity: Severity::Info,
        action: Some(Link {
            label: "c".to_owned(),
            url: "javascript:alert(1)".to_owned(),
        }),
    });
    relay.outbox.put(Job {
        content: bad,
        ..job(Lane::Urgent, to(&inbox))
    });

    let outcomes = relay.outbox.outcomes(1).await;

    assert_eq!(outcomes, [Outcome::Bounced { suppress: Suppress::No }]);
    let report = relay.outbox.settlements()[0].report.clone().unwrap();
    assert!(report.error.unwrap().starts_with("The message could not be composed"));
    assert_eq!(inbox.connections(), 0);
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_flight_and_takes_leave() {
    let slow = Behaviour::Delay(Duration::from_millis(200));
    let inbox = inbox(Script::new().always_at(Step::Dot, slow)).await;
    let relay = Running::start(open());
    relay.outbox.put(job(Lane::Urgent, to(&inbox)));
    relay.outbox.marks(1).await;

    let outbox = relay.stop().await;

    assert_eq!(outbox.outcomes(1).await, [Outcome::Sent]);
    assert_eq!(inbox.commands().last().unwrap(), "QUIT");
}

#[tokio::test]
async fn what_is_cut_off_is_given_back_before_the_dot_and_in_doubt_behind_it() {
    for (step, expected) in [(Step::Mail, Outcome::Released), (Step::Dot, Outcome::Unknown)] {
        let inbox = inbox(Script::new().always_at(step, Behaviour::Hang)).await;
        let relay = Running::start(open());
        relay.outbox.put(job(Lane::Urgent, to(&inbox)));
        mails_begun(&inbox, 1).await;
        if step == Step::Dot {
            relay.outbox.marks(1).await;
        }

        relay.dispatcher.abort();

        assert_eq!(relay.outbox.outcomes(1).await, [expected], "{step:?}");
    }
}
