//! Circuit breakers: a route that fails is left alone, asked again in time, and costs nobody else anything.

use std::time::Duration;

use domain::{
    connection::{Route, Security},
    message::kind::Lane,
    outbox::Outcome,
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use relay::{
    inbox::{Behaviour, Script, Step},
    metrics::Metrics,
    session::Timeouts,
    transport::{Capacity, Condition, Transports},
};
use tokio::time::{sleep_until, timeout};

use crate::sample::{PATIENCE, attempt, deserted, dialer_with, inbox, over, put_back, route};

/// Time-outs as in production, but for the rest.
fn transports(rest: Duration) -> Transports {
    let timeouts = Timeouts {
        rest,
        ..Timeouts::default()
    };
    Transports::new(dialer_with(timeouts), Metrics::default())
}

/// Rests that no test outlives.
fn long_rests() -> Transports {
    transports(Duration::from_mins(1))
}

fn short_rests() -> Transports {
    transports(Duration::from_millis(50))
}

async fn outcome(transports: &Transports, routes: impl IntoIterator<Item = Route>) -> Outcome {
    attempt(transports, Lane::Urgent, over(routes)).await.0
}

async fn rest_over(transports: &Transports, route: &Route) {
    let health = transports.route_health().of(route.id).unwrap();
    sleep_until(health.open_until.unwrap()).await;
}

fn after(first: &Route, second: &Route) -> [Route; 2] {
    let with = |route: &Route, priority| Route {
        priority,
        ..route.clone()
    };
    [with(first, 10), with(second, 20)]
}

#[tokio::test]
async fn a_route_that_failed_three_times_is_not_asked_while_another_works() {
    let failing = inbox(Script::new().always_at(Step::Greeting, Behaviour::Drop)).await;
    let alive = inbox(Script::new()).await;
    let (first, second) = (route("failing", failing.addr()), route("alive", alive.addr()));
    let transports = long_rests();

    for _ in 0..6 {
        assert_eq!(outcome(&transports, after(&first, &second)).await, Outcome::Sent);
    }

    assert_eq!(failing.connections(), 3);
    assert_eq!(alive.received(), 6);
    let health = transports.route_health();
    assert_eq!(health.of(first.id).unwrap().condition, Condition::Open);
    assert_eq!(health.of(second.id).unwrap().condition, Condition::Closed);
    assert_eq!(transports.shared_capacity(), Capacity::Free);
}

#[tokio::test]
async fn what_counts_is_what_the_server_itself_does() {
    for (step, behaviour) in [
        (Step::Greeting, "421 4.3.2 later"),
        (Step::Ehlo, "421 4.3.2 later"),
        (Step::Mail, "421 4.3.2 later"),
        (Step::Greeting, "250 a greeting of its own"),
    ] {
        let failing = inbox(Script::new().always_at(step, Behaviour::Reply(behaviour.to_owned()))).await;
        let (transports, only) = (long_rests(), route("only", failing.addr()));
        for _ in 0..3 {
            assert!(matches!(
                outcome(&transports, [only.clone()]).await,
                Outcome::Deferred { .. }
            ));
        }
        let health = transports.route_health().of(only.id).unwrap();
        assert_eq!(health.condition, Condition::Open, "{step:?} {behaviour}");
    }
}

#[tokio::test]
async fn what_a_server_says_of_one_message_keeps_nobody_else_from_it() {
    for (step, behaviour) in [
        (Step::Mail, Behaviour::Reply("550 5.7.1 sender".to_owned())),
        (Step::Rcpt, Behaviour::Reply("550 5.1.1 unknown".to_owned())),
        (Step::Rcpt, Behaviour::Drop),
        (Step::Data, Behaviour::Drop),
        (Step::Dot, Behaviour::Drop),
        (Step::Dot, Behaviour::Reply("554 5.6.0 content".to_owned())),
    ] {
        let refusing = inbox(Script::new().always_at(step, behaviour.clone())).await;
        let (transports, only) = (long_rests(), route("only", refusing.addr()));
        for _ in 0..4 {
            outcome(&transports, [only.clone()]).await;
        }
        let health = transports.route_health().of(only.id).unwrap();
        assert_eq!(health.condition, Condition::Closed, "{step:?} {behaviour:?}");
    }
}

#[tokio::test]
async fn a_wrong_setting_opens_at_once() {
    let inbox = inbox(Script::new()).await;
    let mut wrong = route("needs TLS", inbox.addr());
    wrong.server.security = Security::StartTls;
    let transports = long_rests();

    let first = outcome(&transports, [wrong.clone()]).await;
    let second = outcome(&transports, [wrong]).await;

    assert!(
        matches!(first, Outcome::Held { .. }) && put_back(&first).is_none(),
        "{first:?}"
    );
    assert!(put_back(&second).is_some(), "{second:?}");
    assert_eq!(inbox.connections(), 1);
}

#[tokio::test]
async fn while_every_route_rests_mail_goes_back_untried_until_one_is_asked_again() {
    let only = route("only", deserted().await);
    let transports = long_rests();
    for _ in 0..3 {
        outcome(&transports, [only.clone()]).await;
    }

    let (outcome, report) = attempt(&transports, Lane::Urgent, over([only.clone()])).await;

    let retry_in = put_back(&outcome).unwrap();
    assert!(
        (Duration::from_secs(40)..=Duration::from_secs(72)).contains(&retry_in),
        "{retry_in:?}"
    );
    let why = report.error.unwrap();
    assert!(why.contains("connect: The server refused the connection."), "{why}");
    assert!(transports.paused_until().is_some());
}

#[tokio::test]
async fn a_server_that_is_back_is_used_again_by_the_first_attempt_after_the_rest() {
    let inbox = inbox(Script::new().at(Step::Greeting, [Behaviour::Drop, Behaviour::Drop, Behaviour::Drop])).await;
    let (transports, only) = (short_rests(), route("only", inbox.addr()));
    for _ in 0..3 {
        outcome(&transports, [only.clone()]).await;
    }
    rest_over(&transports, &only).await;
    assert_eq!(transports.shared_capacity(), Capacity::One);

    assert_eq!(outcome(&transports, [only.clone()]).await, Outcome::Sent);

    let health = transports.route_health().of(only.id).unwrap();
    assert_eq!((health.condition, health.consecutive_failures), (Condition::Closed, 0));
    assert_eq!(transports.shared_capacity(), Capacity::Free);
}

#[tokio::test]
async fn beside_a_probe_that_hangs_nothing_else_is_tried() {
    let script = Script::new()
        .at(Step::Greeting, [Behaviour::Drop, Behaviour::Drop, Behaviour::Drop])
        .always_at(Step::Greeting, Behaviour::Hang);
    let inbox = inbox(script).await;
    let (transports, only) = (short_rests(), route("only", inbox.addr()));
    for _ in 0..3 {
        outcome(&transports, [only.clone()]).await;
    }
    rest_over(&transports, &only).await;

    let beside = async {
        while inbox.connections() < 4 {
            tokio::task::yield_now().await;
        }
        outcome(&transports, [only.clone()]).await
    };
    let beside = tokio::select! {
        biased;
        _ = outcome(&transports, [only.clone()]) => panic!("the probe does not end"),
        beside = timeout(PATIENCE, beside) => beside.unwrap(),
    };

    assert!(put_back(&beside).is_some(), "{beside:?}");
    assert_eq!(inbox.connections(), 4);
}

#[tokio::test]
async fn while_another_route_works_no_message_pays_for_finding_out_that_one_is_back() {
    let script = Script::new().at(Step::Greeting, [Behaviour::Drop, Behaviour::Drop, Behaviour::Drop]);
    let (recovering, alive) = (inbox(script).await, inbox(Script::new()).await);
    let (first, second) = (route("recovering", recovering.addr()), route("alive", alive.addr()));
    let transports = short_rests();
    for _ in 0..3 {
        outcome(&transports, after(&first, &second)).await;
    }
    rest_over(&transports, &first).await;

    assert_eq!(outcome(&transports, after(&first, &second)).await, Outcome::Sent);
    let back = async {
        while transports.route_health().of(first.id).unwrap().condition != Condition::Closed {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, back).await.unwrap();
    assert_eq!((recovering.received(), alive.received()), (0, 4));

    assert_eq!(outcome(&transports, after(&first, &second)).await, Outcome::Sent);
    assert_eq!(recovering.received(), 1);
}

#[tokio::test]
async fn a_changed_route_starts_with_a_clean_record() {
    let (dead, alive) = (deserted().await, inbox(Script::new()).await);
    let before = route("main", dead);
    let changed = Route {
        server: route("main", alive.addr()).server,
        version: 2,
        ..before.clone()
    };
    let transports = long_rests();
    for _ in 0..3 {
        outcome(&transports, [before.clone()]).await;
    }
    assert_eq!(outcome(&transports, [changed]).await, Outcome::Sent);
}

#[tokio::test]
async fn whoever_stopped_claiming_hears_of_every_change() {
    let only = route("only", deserted().await);
    let transports = long_rests();
    let opens = async {
        for _ in 0..3 {
            outcome(&transports, [only.clone()]).await;
        }
    };
    let heard = Box::pin(async { tokio::join!(transports.health_changed(), opens) });
    timeout(PATIENCE, heard).await.unwrap();
}

#[tokio::test]
async fn the_gauge_counts_routes_by_condition() {
    let metrics = Metrics::default();
    let transports = Transports::new(dialer_with(Timeouts::default()), metrics.clone());
    let alive = inbox(Script::new()).await;
    outcome(&transports, [route("alive", alive.addr())]).await;
    let dead = route("dead", deserted().await);
    for _ in 0..3 {
        outcome(&transports, [dead.clone()]).await;
    }

    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut shown = String::new();
    encode(&mut shown, &registry).unwrap();
    for line in [
        "letterhead_routes{state=\"closed\"} 1",
        "letterhead_routes{state=\"open\"} 1",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
}

#[tokio::test]
async fn a_route_with_a_rate_sends_no_faster() {
    let inbox = inbox(Script::new()).await;
    let slow = Route {
        messages_per_second: Some(10),
        ..route("slow", inbox.addr())
    };
    let transports = long_rests();
    let started = tokio::time::Instant::now();
    for _ in 0..13 {
        assert_eq!(outcome(&transports, [slow.clone()]).await, Outcome::Sent);
    }
    assert!(
        started.elapsed() >= Duration::from_millis(290),
        "{:?}",
        started.elapsed()
    );
}
