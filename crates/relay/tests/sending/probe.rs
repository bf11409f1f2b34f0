//! The test email: what it sends, what it tells and in which order, and that it tells no secret.

use std::sync::Arc;

use domain::{
    clock::Timestamp,
    connection::{Connection, Route, Security, SmtpServer},
};
use mail_parser::MessageParser;
use relay::{
    dispatcher::RelaySettings,
    gate::Gate,
    inbox::{Accepts, Behaviour, Captured, Inbox, InboxConfig, Mechanism, Offered, Script, Step as At, TlsMode},
    probe::{FailureCode, Prober, Report, SettingsTested, Step, StepName, StepStatus, Test, Way},
};
use tokio::sync::mpsc::unbounded_channel;

use crate::{
    authority::Authority,
    sample::{credentials, deserted, id, inbox, job, loopback_gate, over, provider, route, server, short_timeouts},
};

pub(crate) const ADDRESS: &str = "127.0.0.1";
pub(crate) const EXECUTABLE: &str = "letterhead-under-test";

pub(crate) fn prober() -> Prober {
    prober_behind(loopback_gate())
}

pub(crate) fn prober_behind(gate: Gate) -> Prober {
    let settings = RelaySettings {
        timeouts: short_timeouts(),
        ..RelaySettings::new(provider(), gate)
    };
    Prober::new(settings, EXECUTABLE).unwrap()
}

pub(crate) fn test_of(way: Way) -> Test {
    let sample = job(domain::message::kind::Lane::Background, over([]));
    Test {
        id: id(),
        tenant: id(),
        tenant_name: "Globex".to_owned(),
        asked_by: "ops".to_owned(),
        settings: SettingsTested::Candidate { based_on: 3 },
        from: sample.from,
        to: "bob@b.example".parse().unwrap(),
        at: sample.accepted_at,
        way,
    }
}

pub(crate) fn own(server: SmtpServer) -> Test {
    test_of(Way::Own(Box::new(Connection::Smtp(server))))
}

/// An inbox with TLS and one account, and the settings that fit it.
pub(crate) async fn secured(script: Script) -> (Inbox, SmtpServer) {
    let ca = Authority::new();
    let inbox = Inbox::start(InboxConfig {
        tls: TlsMode::StartTls(ca.server_for(ADDRESS)),
        auth: Some(Accepts {
            mechanisms: vec![Mechanism::Plain],
            offered: Offered::OverTls,
            user: "relay".to_owned(),
            password: domain::secret::secret_text("correct horse"),
        }),
        script,
        ..InboxConfig::default()
    })
    .await
    .unwrap();
    let server = SmtpServer {
        security: Security::StartTls,
        credentials: Some(credentials()),
        ca_certificate_pem: Some(ca.pem()),
        ..server(inbox.addr())
    };
    (inbox, server)
}

/// Runs a test; the steps as they were told, and the report.
async fn told(test: &Test) -> (Vec<Step>, Report) {
    let (teller, mut told) = unbounded_channel();
    let report = prober().run(test, Some(teller)).await;
    let mut steps = Vec::new();
    while let Ok(step) = told.try_recv() {
        steps.push(step);
    }
    (steps, report)
}

pub(crate) fn statuses(report: &Report) -> Vec<(StepName, StepStatus)> {
    report.steps.iter().map(|step| (step.name, step.status)).collect()
}

fn step(report: &Report, name: StepName) -> &Step {
    report.steps.iter().find(|step| step.name == name).unwrap()
}

fn text(captured: &Arc<Captured>) -> String {
    let parsed = MessageParser::default().parse(&captured.data).unwrap();
    parsed.body_text(0).unwrap().into_owned()
}

#[tokio::test]
async fn a_test_goes_the_way_of_mail_and_tells_every_step_as_it_ends() {
    let (inbox, server) = secured(Script::new()).await;
    let test = own(server);

    let (steps, report) = told(&test).await;

    assert_eq!(report.failure, None);
    assert_eq!(report.outcome(), "accepted");
    assert_eq!(statuses(&report), StepName::SMTP.map(|name| (name, StepStatus::Ok)));
    assert_eq!(steps, report.steps);
    assert_eq!(report.tls.unwrap().version, "TLSv1.3");
    let mail = inbox.messages().remove(0);
    let raw = String::from_utf8_lossy(&mail.data).into_owned();
    assert!(raw.contains(&format!("Message-ID: {}\r\n", report.message_id)), "{raw}");
    assert!(raw.contains("Subject: Letterhead: test email\r\n"), "{raw}");
    let said_in_it = text(&mail);
    for said in [
        "No action needed.",
        "Sent by: ops",
        "For: Globex",
        "version 3 is in force",
        "Route: 127.0.0.1, port",
    ] {
        assert!(said_in_it.contains(said), "{said:?} is not in {said_in_it}");
    }
}

#[tokio::test]
async fn the_conversation_is_told_without_the_credentials() {
    let (_inbox, server) = secured(Script::new()).await;
    let report = prober().run(&own(server), None).await;
    let said: Vec<_> = report
        .transcript
        .iter()
        .filter(|line| line.starts_with("C: "))
        .map(String::as_str)
        .collect();
    let [hello, start, again, auth, from, to, data, message, dot] = said.as_slice() else {
        panic!("{said:#?}")
    };
    assert_eq!(
        [*hello, *start, *again, *auth, *to, *data, *dot],
        [
            "C: EHLO relay.example",
            "C: STARTTLS",
            "C: EHLO relay.example",
            "C: AUTH PLAIN [redacted]",
            "C: RCPT TO:<bob@b.example>",
            "C: DATA",
            "C: ."
        ]
    );
    assert!(from.starts_with("C: MAIL FROM:<it@acme.example>"), "{from}");
    assert!(message.starts_with("C: [the message, "), "{message}");
    assert!(
        report
            .transcript
            .iter()
            .all(|line| line.starts_with("C: ") || line.starts_with("S: "))
    );
    assert!(report.transcript.first().unwrap().starts_with("S: 220 "));
}

#[tokio::test]
async fn a_server_that_repeats_the_credentials_does_not_bring_them_into_the_answer() {
    // "\0relay\0correct horse" and "correct horse" in base64.
    let echoes = [
        "535-5.7.8 AHJlbGF5AGNvcnJlY3QgaG9yc2U=\r\n535 5.7.8 you said correct horse, Y29ycmVjdCBob3JzZQ==",
        "535 5.7.8 correct%20horse 636F727265637420686F727365",
    ];
    for echo in echoes {
        let (_inbox, server) = secured(Script::new().at(At::Auth, [Behaviour::Reply(echo.to_owned())])).await;
        let report = prober().run(&own(server), None).await;
        assert_eq!(report.failure.as_ref().unwrap().code, FailureCode::AuthenticationFailed);
        let whole = format!("{report:?}");
        for secret in [
            "correct",
            "horse",
            "Y29ycmVjdCBob3JzZQ",
            "AGNvcnJlY3QgaG9yc2U",
            "636F7272",
            "%20",
        ] {
            assert!(!whole.contains(secret), "{secret} is in {whole}");
        }
        assert!(whole.contains("[redacted]"), "{whole}");
    }
}

#[tokio::test]
async fn what_a_server_says_cannot_move_a_terminal_or_end_a_line() {
    let said = "550 5.1.1 no\rBcc: x \u{1b}[31mred\u{202e}".to_owned();
    let inbox = inbox(Script::new().at(At::Rcpt, [Behaviour::Reply(said)])).await;
    let report = prober().run(&own(server(inbox.addr())), None).await;
    let whole = [
        report.transcript.concat(),
        step(&report, StepName::RcptTo).detail.clone(),
    ]
    .concat();
    assert!(whole.contains("no\\rBcc: x \\u{1b}[31mred\\u{202e}"), "{whole}");
    assert!(!whole.chars().any(char::is_control), "{whole:?}");
}

#[tokio::test]
async fn mail_in_clear_and_a_certificate_near_its_end_are_warned_of() {
    let inbox = inbox(Script::new()).await;
    let report = prober().run(&own(server(inbox.addr())), None).await;
    assert!(report.is_accepted());
    assert_eq!(step(&report, StepName::Tls).status, StepStatus::Warning);
    assert_eq!(step(&report, StepName::Authenticate).status, StepStatus::Skipped);

    let day = |text: &str| -> Timestamp { format!("{text}T12:00:00Z").parse().unwrap() };
    for (today, status) in [
        ("2039-12-01", StepStatus::Ok),
        ("2039-12-04", StepStatus::Warning),
        ("2039-12-31", StepStatus::Warning),
    ] {
        let ca = Authority::new();
        let config = InboxConfig {
            tls: TlsMode::Implicit(ca.server_until_2040_for(ADDRESS)),
            ..InboxConfig::default()
        };
        let inbox = Inbox::start(config).await.unwrap();
        let implicit = SmtpServer {
            security: Security::ImplicitTls,
            ca_certificate_pem: Some(ca.pem()),
            ..server(inbox.addr())
        };
        let test = Test {
            at: day(today),
            ..own(implicit)
        };
        let (steps, report) = told(&test).await;
        assert_eq!(step(&report, StepName::Tls).status, status, "{today}");
        assert!(step(&report, StepName::Tls).detail.contains("2040-01-01"));
        // The handshake comes first there, and is told first.
        let order: Vec<_> = steps.iter().map(|step| step.name).skip(1).take(3).collect();
        assert_eq!(order, [StepName::Connect, StepName::Tls, StepName::Greeting]);
        assert_eq!(
            statuses(&report).iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            StepName::SMTP
        );
    }
}

#[tokio::test]
async fn a_cloud_test_takes_the_next_route_where_mail_would_and_tells_each_step_once() {
    let inbox = inbox(Script::new()).await;
    let dead = Route {
        priority: 1,
        ..route("dead", deserted().await)
    };
    let routes = vec![route("alive", inbox.addr()), dead];

    let (steps, report) = told(&test_of(Way::Shared(routes))).await;

    assert!(report.is_accepted(), "{report:?}");
    assert_eq!(steps.iter().map(|step| step.name).collect::<Vec<_>>(), StepName::SMTP);
    assert!(steps.iter().all(|step| step.status != StepStatus::Failed));
    assert!(text(&inbox.messages()[0]).contains("Route: shared relay, route alive"));
    // The provider's addresses are not a tenant's business.
    assert!(!format!("{:?}", report.steps).contains(ADDRESS));
}

#[tokio::test]
async fn a_cloud_test_that_finds_no_way_says_that_the_provider_has_to_act() {
    let routes = vec![route("one", deserted().await), route("two", deserted().await)];
    let (steps, report) = told(&test_of(Way::Shared(routes))).await;
    let failure = report.failure.unwrap();
    assert_eq!(
        (failure.step, failure.code),
        (StepName::Connect, FailureCode::ConnectionRefused)
    );
    assert!(failure.hint.ends_with("The provider has to act."), "{}", failure.hint);
    assert!(!failure.hint.contains(ADDRESS), "{}", failure.hint);
    assert_eq!(steps, report.steps);
}

#[tokio::test]
async fn a_refused_recipient_is_not_offered_to_another_route() {
    let refusing = inbox(Script::new().always_at(At::Rcpt, Behaviour::Reply("550 5.1.1 unknown".to_owned()))).await;
    let other = inbox(Script::new()).await;
    let first = Route {
        priority: 1,
        ..route("one", refusing.addr())
    };
    let routes = vec![first, route("two", other.addr())];
    let report = prober().run(&test_of(Way::Shared(routes)), None).await;
    assert_eq!(report.failure.unwrap().code, FailureCode::RecipientRejected);
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn nobody_who_listens_changes_nothing() {
    let inbox = inbox(Script::new()).await;
    let (teller, told) = unbounded_channel();
    drop(told);
    let report = prober().run(&own(server(inbox.addr())), Some(teller)).await;
    assert!(report.is_accepted());
}
