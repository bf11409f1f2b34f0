//! What a relay may not leave to a mail library's defaults: latency, time-outs, TLS.

use std::time::Duration;

use domain::{
    connection::{Security, SmtpServer},
    message::kind::Lane,
    outbox::Outcome,
};
use relay::{
    inbox::{Inbox, InboxConfig, Script, TlsMode},
    metrics::Metrics,
    session::{Timeouts, Unmarked},
    transport::Transports,
};
use tokio::time::Instant;

use crate::{
    authority::Authority,
    sample::{attempt, dialer, inbox, mail, over, route, server},
};

#[tokio::test]
async fn no_message_waits_for_an_acknowledgement_on_an_idle_connection() {
    let inbox = inbox(Script::new()).await;
    let transports = Transports::new(dialer(), Metrics::default());
    let path = over([route("main", inbox.addr())]);
    attempt(&transports, Lane::Urgent, path.clone()).await;

    // Nagle's stall costs every message 44 ms; a busy machine costs some.
    let mut fastest = Duration::MAX;
    for _ in 0..20 {
        let started = Instant::now();
        let (outcome, _) = attempt(&transports, Lane::Urgent, path.clone()).await;
        assert_eq!(outcome, Outcome::Sent);
        fastest = fastest.min(started.elapsed());
    }
    assert!(fastest < Duration::from_millis(20), "{fastest:?}");
    assert_eq!(inbox.connections(), 1);
}

#[test]
fn the_time_outs_are_those_of_the_design_and_the_dots_is_the_rfcs() {
    let seconds = |of: fn(&Timeouts) -> Duration| of(&Timeouts::default()).as_secs();
    assert_eq!(seconds(|timeouts| timeouts.connect), 10);
    assert_eq!(seconds(|timeouts| timeouts.greeting), 30);
    assert_eq!(seconds(|timeouts| timeouts.mail), 60);
    assert_eq!(seconds(|timeouts| timeouts.rcpt), 60);
    assert_eq!(seconds(|timeouts| timeouts.data), 120);
    // RFC 5321 §4.5.3.2.6.
    assert_eq!(seconds(|timeouts| timeouts.dot), 600);
    assert_eq!(seconds(|timeouts| timeouts.rest), 5);
}

#[tokio::test]
async fn what_was_offered_in_clear_is_asked_again_under_tls() {
    let ca = Authority::new();
    let inbox = secured(TlsMode::StartTls(ca.server_for("127.0.0.1"))).await;
    dialer().open(&over_tls(&inbox, &ca)).await.unwrap();
    assert_eq!(
        inbox.commands(),
        ["EHLO relay.example", "STARTTLS", "EHLO relay.example"]
    );
}

#[tokio::test]
async fn tls_1_2_is_still_spoken() {
    let ca = Authority::new();
    let inbox = secured(TlsMode::StartTls(ca.old_server_for("127.0.0.1"))).await;
    let mut session = dialer().open(&over_tls(&inbox, &ca)).await.unwrap();
    session.send(&mail(), &Unmarked).await.unwrap();
    assert_eq!(session.tls_version().as_deref(), Some("TLSv1.2"));
}

async fn secured(tls: TlsMode) -> Inbox {
    let config = InboxConfig {
        tls,
        ..InboxConfig::default()
    };
    Inbox::start(config).await.unwrap()
}

fn over_tls(inbox: &Inbox, ca: &Authority) -> SmtpServer {
    SmtpServer {
        security: Security::StartTls,
        ca_certificate_pem: Some(ca.pem()),
        ..server(inbox.addr())
    }
}
