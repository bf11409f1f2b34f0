//! Kept sessions: used again without a word, replaced when dead, never more than the route allows.

use std::{sync::Arc, time::Duration};

use domain::{
    connection::{Route, Security},
    message::kind::Lane,
    outbox::{Outcome, Path},
};
use futures_util::future::join_all;
use relay::{
    inbox::{Behaviour, Inbox, InboxConfig, Script, Step, TlsMode},
    metrics::Metrics,
    session::{Timeouts, Unmarked},
    transport::{Attempted, Transports},
};

use crate::{
    authority::Authority,
    sample::{PATIENCE, dialer_with, inbox, job, mail, mails_begun, over, route},
};

fn transports() -> Transports {
    Transports::new(dialer_with(Timeouts::default()), Metrics::default())
}

async fn outcome(transports: &Transports, lane: Lane, path: Path) -> Outcome {
    match transports.attempt(&job(lane, path), &mail(), &Unmarked).await {
        Attempted::Ended(outcome, _) => outcome,
        Attempted::Fenced => panic!("fenced without a fence"),
    }
}

async fn send(transports: &Transports, route: &Route) -> Outcome {
    outcome(transports, Lane::Background, over([route.clone()])).await
}

#[tokio::test]
async fn a_kept_session_takes_the_next_message_without_noop() {
    let inbox = inbox(Script::new()).await;
    let (transports, route) = (transports(), route("main", inbox.addr()));
    for _ in 0..3 {
        assert_eq!(send(&transports, &route).await, Outcome::Sent);
    }
    assert_eq!(inbox.connections(), 1);
    assert_eq!(inbox.received(), 3);
    assert!(!inbox.commands().contains(&"NOOP".to_owned()));
}

#[tokio::test]
async fn a_kept_session_is_kept_under_tls_too() {
    let ca = Authority::new();
    let config = InboxConfig {
        tls: TlsMode::Implicit(ca.server_for("127.0.0.1")),
        ..InboxConfig::default()
    };
    let inbox = Inbox::start(config).await.unwrap();
    let mut route = route("main", inbox.addr());
    route.server.security = Security::ImplicitTls;
    route.server.ca_certificate_pem = Some(ca.pem());
    let transports = transports();
    for _ in 0..3 {
        assert_eq!(send(&transports, &route).await, Outcome::Sent);
    }
    assert_eq!(inbox.connections(), 1);
}

#[tokio::test]
async fn a_kept_session_that_died_is_replaced_and_the_message_sent_once() {
    for last_words in ["250 2.0.0 taken", "250 2.0.0 taken\r\n421 4.4.2 bye"] {
        let dying = Behaviour::ReplyThenDrop(last_words.to_owned());
        let inbox = inbox(Script::new().at(Step::Dot, [dying])).await;
        let (transports, route) = (transports(), route("main", inbox.addr()));

        assert_eq!(send(&transports, &route).await, Outcome::Sent);
        assert_eq!(send(&transports, &route).await, Outcome::Sent);

        assert_eq!(inbox.connections(), 2, "{last_words}");
        assert_eq!(inbox.received(), 2, "{last_words}");
    }
}

#[tokio::test]
async fn a_421_to_mail_on_a_kept_session_is_answered_by_a_fresh_one() {
    let bye = Behaviour::ReplyThenDrop("421 4.3.2 bye".to_owned());
    let inbox = inbox(Script::new().at(Step::Mail, [Behaviour::Usual, bye])).await;
    let (transports, route) = (transports(), route("main", inbox.addr()));

    assert_eq!(send(&transports, &route).await, Outcome::Sent);
    assert_eq!(send(&transports, &route).await, Outcome::Sent);

    assert_eq!(inbox.connections(), 2);
}

#[tokio::test]
async fn a_fresh_session_that_fails_at_mail_is_not_tried_twice() {
    let inbox = inbox(Script::new().always_at(Step::Mail, Behaviour::Drop)).await;
    let (transports, route) = (transports(), route("main", inbox.addr()));
    assert!(matches!(send(&transports, &route).await, Outcome::Deferred { .. }));
    assert_eq!(inbox.connections(), 1);
}

#[tokio::test]
async fn a_session_whose_recipient_was_refused_is_reset_and_kept() {
    let refusal = Behaviour::Reply("550 5.1.1 unknown".to_owned());
    let inbox = inbox(Script::new().at(Step::Rcpt, [refusal])).await;
    let (transports, route) = (transports(), route("main", inbox.addr()));

    assert!(matches!(send(&transports, &route).await, Outcome::Bounced { .. }));
    transports.close().await;

    assert_eq!(inbox.commands()[4..], ["RSET", "QUIT"]);
}

#[tokio::test]
async fn there_are_never_more_connections_than_the_route_allows() {
    let slow = Behaviour::Delay(Duration::from_millis(20));
    let inbox = inbox(Script::new().always_at(Step::Dot, slow)).await;
    let two = Route {
        max_connections: 2,
        ..route("main", inbox.addr())
    };
    let transports = transports();

    let outcomes = join_all((0..8).map(|_| send(&transports, &two))).await;

    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Sent));
    assert_eq!(inbox.received(), 8);
    assert!(inbox.connections() <= 2, "{}", inbox.connections());
}

#[tokio::test]
async fn an_urgent_message_finds_a_place_beside_hanging_ones() {
    let inbox = inbox(Script::new().at(Step::Mail, [Behaviour::Hang, Behaviour::Hang, Behaviour::Hang])).await;
    let transports = Arc::new(transports());
    let four = route("main", inbox.addr());
    for _ in 0..8 {
        let (transports, four) = (Arc::clone(&transports), four.clone());
        tokio::spawn(async move { send(&transports, &four).await });
    }
    mails_begun(&inbox, 3).await;

    let urgent = outcome(&transports, Lane::Urgent, over([four]));

    assert_eq!(tokio::time::timeout(PATIENCE, urgent).await.unwrap(), Outcome::Sent);
}

#[tokio::test]
async fn a_changed_route_gets_new_sessions_and_the_old_ones_are_closed() {
    let (old, new) = (inbox(Script::new()).await, inbox(Script::new()).await);
    let transports = transports();
    let before = route("main", old.addr());
    let changed = Route {
        server: route("main", new.addr()).server,
        version: 2,
        ..before.clone()
    };

    send(&transports, &before).await;
    send(&transports, &changed).await;
    send(&transports, &before).await;
    transports.close().await;

    assert_eq!((old.received(), new.received()), (1, 2));
    assert_eq!(old.commands().last().unwrap(), "QUIT");
}

#[tokio::test]
async fn a_cancelled_message_takes_its_session_with_it() {
    let inbox = inbox(Script::new().at(Step::Rcpt, [Behaviour::Usual, Behaviour::Hang])).await;
    let (transports, route) = (transports(), route("main", inbox.addr()));
    send(&transports, &route).await;

    let cancelled = tokio::time::timeout(Duration::from_millis(200), send(&transports, &route)).await;
    assert!(cancelled.is_err());

    assert_eq!(send(&transports, &route).await, Outcome::Sent);
    assert_eq!(inbox.connections(), 2);
    assert_eq!(inbox.received(), 2);
}
