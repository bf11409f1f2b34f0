//! Servers that fall silent, go away or are not there: where it ends and that it does end.

use domain::{
    connection::{Host, SmtpServer},
    reply::Stage,
};
use relay::{
    gate::Gate,
    inbox::{Behaviour, Script, Step},
    session::{Dialer, Recovery, SessionFailure, Timeouts, Unmarked},
};

use crate::sample::{PATIENCE, deserted, dialer, dialer_with, inbox, mail, send_to, server, short_timeouts};

#[tokio::test]
async fn a_server_that_falls_silent_costs_one_time_out_of_its_stage() {
    for (step, stage) in [
        (Step::Greeting, Stage::Greeting),
        (Step::Ehlo, Stage::Greeting),
        (Step::Mail, Stage::MailFrom),
        (Step::Rcpt, Stage::RcptTo),
        (Step::Data, Stage::Data),
        (Step::Dot, Stage::Dot),
    ] {
        let inbox = inbox(Script::new().at(step, [Behaviour::Hang])).await;
        let failed = send_to(&inbox, short_timeouts()).await.unwrap_err();
        assert_eq!(failed.stage, stage, "{step:?}");
        assert_eq!(failed.failure, SessionFailure::ConnectionTimeout, "{step:?}");
    }
}

#[tokio::test]
async fn a_server_that_goes_away_is_noticed_at_its_stage() {
    for (step, stage) in [
        (Step::Connect, Stage::Greeting),
        (Step::Greeting, Stage::Greeting),
        (Step::Ehlo, Stage::Greeting),
        (Step::Mail, Stage::MailFrom),
        (Step::Rcpt, Stage::RcptTo),
        (Step::Data, Stage::Data),
        (Step::Dot, Stage::Dot),
    ] {
        let inbox = inbox(Script::new().at(step, [Behaviour::Drop])).await;
        let failed = send_to(&inbox, Timeouts::default()).await.unwrap_err();
        assert_eq!(failed.stage, stage, "{step:?}");
        assert_eq!(failed.failure, SessionFailure::ConnectionClosed, "{step:?}");
    }
}

#[tokio::test]
async fn a_message_that_was_taken_without_a_word_fails_at_the_dot() {
    let inbox = inbox(Script::new().at(Step::Dot, [Behaviour::AcceptThenDrop])).await;
    let failed = send_to(&inbox, Timeouts::default()).await.unwrap_err();
    assert_eq!(failed.stage, Stage::Dot);
    assert_eq!(inbox.received(), 1);
}

#[tokio::test]
async fn nobody_listening_is_a_refused_connection() {
    let failed = dialer().open(&server(deserted().await)).await.unwrap_err();
    assert_eq!(failed.stage, Stage::Connect);
    assert_eq!(failed.failure, SessionFailure::ConnectionRefused);
}

#[tokio::test]
async fn a_name_without_address_fails_at_resolve() {
    let server = SmtpServer {
        host: "nobody.invalid".parse().unwrap(),
        ..server(deserted().await)
    };
    let failed = dialer().open(&server).await.unwrap_err();
    assert_eq!(failed.stage, Stage::Resolve);
    assert_eq!(failed.failure, SessionFailure::DnsNotFound);
}

#[tokio::test]
async fn a_forbidden_address_sees_no_packet() {
    let inbox = inbox(Script::new()).await;
    let strict = Dialer::new(Gate::default(), Timeouts::default(), &"relay.example".parse().unwrap());

    let failed = strict.open(&server(inbox.addr())).await.unwrap_err();

    assert_eq!(failed.stage, Stage::Resolve);
    assert_eq!(failed.failure, SessionFailure::Blocked);
    assert_eq!(inbox.connections(), 0);
}

#[tokio::test]
async fn a_server_is_reached_by_name() {
    let inbox = inbox(Script::new()).await;
    let server = SmtpServer {
        host: Host::Name("localhost".to_owned()),
        ..server(inbox.addr())
    };
    let mut session = dialer().open(&server).await.unwrap();
    session.send(&mail(), &Unmarked).await.unwrap();
}

#[tokio::test]
async fn a_session_whose_transaction_was_cancelled_is_never_used_again() {
    let inbox = inbox(Script::new().at(Step::Mail, [Behaviour::Hang])).await;
    let mut session = dialer().open(&server(inbox.addr())).await.unwrap();

    let cancelled = tokio::time::timeout(short_timeouts().mail, session.send(&mail(), &Unmarked)).await;

    assert!(cancelled.is_err());
    assert_eq!(session.recover().await, Recovery::Broken);
    assert!(session.send(&mail(), &Unmarked).await.is_err());
}

#[tokio::test]
async fn leaving_a_server_that_does_not_answer_does_not_take_long() {
    let inbox = inbox(Script::new().at(Step::Quit, [Behaviour::Hang])).await;
    let session = dialer_with(short_timeouts()).open(&server(inbox.addr())).await.unwrap();
    tokio::time::timeout(PATIENCE, session.quit()).await.unwrap();
}
