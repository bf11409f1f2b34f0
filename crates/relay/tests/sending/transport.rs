//! Ways out: what becomes of a delivery when a server refuses, fails or is not there, and which route is asked next.

use std::{sync::Arc, time::Duration};

use domain::{
    connection::{Connection, Credentials, Route, Security},
    message::{HeldBy, kind::Lane},
    outbox::{AttemptReport, Outcome, Path},
    reply::{Stage, Suppress},
};
use relay::{
    inbox::{Behaviour, Inbox, Script, Step},
    metrics::Metrics,
    session::{Timeouts, Unmarked},
    transport::{Attempted, Transports},
};

use crate::sample::{credentials, deserted, dialer_with, inbox, job, mail, over, route, server, short_timeouts};

fn transports() -> Transports {
    transports_with(Timeouts::default())
}

fn transports_with(timeouts: Timeouts) -> Transports {
    Transports::new(dialer_with(timeouts), Metrics::default())
}

async fn attempt(path: Path) -> (Outcome, Option<AttemptReport>) {
    attempt_with(&transports(), path).await
}

async fn attempt_with(transports: &Transports, path: Path) -> (Outcome, Option<AttemptReport>) {
    let job = job(Lane::Interactive, path);
    match transports.attempt(&job, &mail(), &Unmarked).await {
        Attempted::Ended(outcome, report) => (outcome, report),
        Attempted::Fenced => panic!("fenced without a fence"),
    }
}

async fn scripted(step: Step, reply: &str) -> Inbox {
    inbox(Script::new().always_at(step, Behaviour::Reply(reply.to_owned()))).await
}

fn after(first: Route, second: Route) -> [Route; 2] {
    [Route { priority: 10, ..first }, Route { priority: 20, ..second }]
}

#[tokio::test]
async fn a_sent_message_is_reported_with_route_reply_and_stage() {
    let inbox = inbox(Script::new()).await;
    let only = route("main", inbox.addr());

    let (outcome, report) = attempt(over([only.clone()])).await;

    assert_eq!(outcome, Outcome::Sent);
    let report = report.unwrap();
    assert_eq!((report.route, report.stage), (Some(only.id), Stage::Dot));
    assert_eq!(report.server.as_deref(), Some("main"));
    assert_eq!(report.reply.unwrap().code, 250);
    assert_eq!(report.error, None);
}

#[tokio::test]
async fn without_a_route_mail_is_held() {
    let (outcome, report) = attempt(over([])).await;
    let Outcome::Held { by, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((by, report), (HeldBy::NoRoute, None));
}

#[tokio::test]
async fn a_dead_route_is_passed_over_within_the_same_attempt() {
    let alive = inbox(Script::new()).await;
    let routes = after(route("dead", deserted().await), route("alive", alive.addr()));

    let (outcome, report) = attempt(over(routes)).await;

    assert_eq!(outcome, Outcome::Sent);
    assert_eq!(report.unwrap().server.as_deref(), Some("alive"));
}

#[tokio::test]
async fn a_route_that_fails_before_the_dot_is_followed_by_the_next() {
    for (step, behaviour) in [
        (Step::Greeting, Behaviour::Reply("554 5.3.2 no".to_owned())),
        (Step::Mail, Behaviour::Drop),
        (Step::Mail, Behaviour::Reply("550 5.7.1 sender".to_owned())),
        (Step::Rcpt, Behaviour::Drop),
        (Step::Data, Behaviour::Drop),
        (Step::Data, Behaviour::Reply("250 2.0.0 liar".to_owned())),
    ] {
        let failing = inbox(Script::new().always_at(step, behaviour.clone())).await;
        let alive = inbox(Script::new()).await;
        let routes = after(route("failing", failing.addr()), route("alive", alive.addr()));
        let (outcome, _) = attempt(over(routes)).await;
        assert_eq!(outcome, Outcome::Sent, "{step:?} {behaviour:?}");
        assert_eq!((failing.received(), alive.received()), (0, 1));
    }
}

#[tokio::test]
async fn what_one_server_says_of_recipient_or_message_is_not_asked_of_another() {
    for (step, reply, suppress) in [
        (Step::Rcpt, "550 5.1.1 unknown", Suppress::Yes),
        (Step::Rcpt, "550 5.7.1 policy", Suppress::No),
        (Step::Data, "554 5.6.0 content", Suppress::No),
        (Step::Dot, "554 5.7.1 spam", Suppress::No),
    ] {
        let refusing = scripted(step, reply).await;
        let other = inbox(Script::new()).await;
        let routes = after(route("refusing", refusing.addr()), route("other", other.addr()));
        let (outcome, _) = attempt(over(routes)).await;
        assert_eq!(outcome, Outcome::Bounced { suppress }, "{reply}");
        assert_eq!(other.connections(), 0, "{reply}");
    }
}

#[tokio::test]
async fn a_temporary_refusal_is_tried_again_by_schedule_and_a_greylisting_later() {
    for (reply, least, most) in [("452 4.2.2 full", 48, 72), ("451 4.7.1 greylisted", 240, 360)] {
        let refusing = scripted(Step::Rcpt, reply).await;
        let (outcome, _) = attempt(over([route("only", refusing.addr())])).await;
        let Outcome::Deferred { retry_in } = outcome else {
            panic!("{reply}: {outcome:?}")
        };
        let bounds = Duration::from_secs(least)..=Duration::from_secs(most);
        assert!(bounds.contains(&retry_in), "{reply}: {retry_in:?}");
    }
}

#[tokio::test]
async fn behind_the_dot_silence_loss_and_lies_leave_the_outcome_unknown() {
    for behaviour in [
        Behaviour::Hang,
        Behaviour::Drop,
        Behaviour::AcceptThenDrop,
        Behaviour::Reply("354 go ahead".to_owned()),
        Behaviour::Reply("421 4.3.2 later".to_owned()),
        Behaviour::Garbage(b"ok\r\n".to_vec()),
    ] {
        let doubtful = inbox(Script::new().always_at(Step::Dot, behaviour.clone())).await;
        let other = inbox(Script::new()).await;
        let routes = after(route("doubtful", doubtful.addr()), route("other", other.addr()));
        let (outcome, _) = attempt_with(&transports_with(short_timeouts()), over(routes)).await;
        assert_eq!(outcome, Outcome::Unknown, "{behaviour:?}");
        assert_eq!(other.connections(), 0, "{behaviour:?}");
    }
}

#[tokio::test]
async fn a_wrong_setting_holds_mail_and_never_bounces_it() {
    let inbox = inbox(Script::new()).await;
    let mut needs_tls = route("needs TLS", inbox.addr());
    needs_tls.server.security = Security::StartTls;
    let mut in_clear = route("in clear", inbox.addr());
    in_clear.server.credentials = Some(credentials());
    let refusing = scripted(Step::Mail, "550 5.7.1 sender not allowed").await;

    for wrong in [needs_tls, in_clear, route("refusing", refusing.addr())] {
        let name = wrong.name.clone();
        let (outcome, report) = attempt(over([wrong])).await;
        let Outcome::Held { by, .. } = outcome else {
            panic!("{name}: {outcome:?}")
        };
        assert_eq!(by, HeldBy::Configuration, "{name}");
        assert!(report.is_some());
    }
}

#[tokio::test]
async fn while_one_route_may_recover_mail_is_deferred_and_not_held() {
    let misconfigured = scripted(Step::Greeting, "554 5.3.2 no").await;
    let routes = after(route("wrong", misconfigured.addr()), route("dead", deserted().await));
    let (outcome, report) = attempt(over(routes)).await;
    assert!(matches!(outcome, Outcome::Deferred { .. }), "{outcome:?}");
    assert_eq!(
        report.unwrap().error.as_deref(),
        Some("The server refused the connection.")
    );
}

#[tokio::test]
async fn a_tenants_own_server_is_used_alone_and_left_politely() {
    let inbox = inbox(Script::new()).await;
    let transports = transports();
    let path = Path::Own(Arc::new(Connection::Smtp(server(inbox.addr()))));

    let (outcome, report) = attempt_with(&transports, path).await;
    transports.close().await;

    assert_eq!(outcome, Outcome::Sent);
    assert_eq!(report.unwrap().route, None);
    assert_eq!(inbox.commands().last().unwrap(), "QUIT");
}

#[tokio::test]
async fn no_report_repeats_a_credential_or_an_address() {
    let refusing = scripted(Step::Greeting, "554 5.3.2 no").await;
    let mut secret = server(refusing.addr());
    secret.security = Security::StartTls;
    secret.credentials = Some(Credentials {
        username: "canary-user".to_owned(),
        ..credentials()
    });
    let path = Path::Own(Arc::new(Connection::Smtp(secret)));

    let (_, report) = attempt(path).await;

    let shown = format!("{report:?}");
    for canary in ["canary-user", "correct horse", "bob"] {
        assert!(!shown.contains(canary), "{shown}");
    }
}
