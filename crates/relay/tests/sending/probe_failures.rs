//! Every way in which a test over SMTP fails: the step, the code and the hint that clients get.

use domain::{
    connection::{Host, Proof, Security, SmtpServer},
    secret::secret_text,
};
use relay::{
    gate::Gate,
    inbox::{Behaviour, Inbox, InboxConfig, Script, Step as At, TlsMode},
    probe::{
        FailureCode::{self, *},
        Report,
        StepName::{self, *},
        StepStatus,
    },
};

use crate::{
    authority::{Authority, self_signed_server_for},
    probe::{ADDRESS, EXECUTABLE, own, prober, prober_behind, secured, statuses},
    sample::{credentials, deserted, inbox, server},
};

/// Asserts the whole of a failure: where and what it was, that nothing behind it was reached, and who hears of firewalls.
#[track_caller]
fn assert_failed(report: &Report, step: StepName, code: FailureCode) {
    let failure = report
        .failure
        .as_ref()
        .unwrap_or_else(|| panic!("accepted: {report:?}"));
    assert_eq!(
        (failure.step, failure.code),
        (step, code),
        "{failure:?}\n{:#?}",
        report.transcript
    );
    assert_eq!(report.outcome(), "failed");
    let statuses = statuses(report);
    assert_eq!(
        statuses.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        StepName::SMTP
    );
    for (name, status) in &statuses {
        let expected = *status == StepStatus::Failed;
        assert_eq!(expected, *name == step, "{statuses:?}");
    }
    let about_firewalls = failure.hint.contains("virus protection") && failure.hint.contains(EXECUTABLE);
    assert_eq!(about_firewalls, code.may_be_a_firewall(), "{}", failure.hint);
    assert!(
        failure.hint.ends_with('.') && !failure.hint.contains('{'),
        "{}",
        failure.hint
    );
    assert!(report.steps.iter().all(|step| !step.detail.is_empty()));
}

async fn failed_with(script: Script) -> Report {
    let inbox = inbox(script).await;
    prober().run(&own(server(inbox.addr())), None).await
}

fn reply(text: &str) -> Behaviour {
    Behaviour::Reply(text.to_owned())
}

#[tokio::test]
async fn a_name_that_nobody_knows() {
    let unknown = SmtpServer {
        host: Host::Name("smtp.nowhere.invalid".to_owned()),
        ..server(deserted().await)
    };
    let report = prober().run(&own(unknown), None).await;
    assert_failed(&report, Resolve, DnsNotFound);
    assert!(report.transcript.is_empty());
}

#[tokio::test]
async fn an_address_that_the_gate_refuses_gets_no_packet_and_no_detail() {
    let inbox = inbox(Script::new()).await;
    let prober = prober_behind(Gate::default());
    let report = prober.run(&own(server(inbox.addr())), None).await;
    assert_failed(&report, Resolve, BlockedAddress);
    let named = SmtpServer {
        host: Host::Name("localhost".to_owned()),
        ..server(inbox.addr())
    };
    let by_name = prober.run(&own(named), None).await;
    assert_eq!(by_name.failure, report.failure);
    assert_eq!(statuses(&by_name), statuses(&report));
    assert_eq!(inbox.connections(), 0);
}

#[tokio::test]
async fn a_port_on_which_nobody_listens() {
    let report = prober().run(&own(server(deserted().await)), None).await;
    assert_failed(&report, Connect, ConnectionRefused);
}

#[tokio::test]
async fn connections_that_do_not_last_and_servers_that_fall_silent() {
    for (at, step) in [
        (At::Greeting, Greeting),
        (At::Mail, MailFrom),
        (At::Data, Data),
        (At::Dot, Data),
    ] {
        let report = failed_with(Script::new().at(at, [Behaviour::Drop])).await;
        assert_failed(&report, step, ConnectionClosed);
        let report = failed_with(Script::new().at(at, [Behaviour::Hang])).await;
        assert_failed(&report, step, ConnectionTimeout);
    }
    let silent = failed_with(Script::new().at(At::Greeting, [Behaviour::Hang])).await;
    assert!(silent.failure.unwrap().hint.contains("choose implicit_tls"));
    let garbage = failed_with(Script::new().at(At::Greeting, [Behaviour::Garbage(b"HTTP/1.1 400\r\n".to_vec())])).await;
    assert_failed(&garbage, Greeting, ConnectionClosed);
}

#[tokio::test]
async fn replies_that_refuse() {
    for (at, said, step, code) in [
        (At::Greeting, "554 5.7.1 not you", Greeting, ConnectionRefused),
        (At::Greeting, "421 4.3.2 too many connections", Greeting, Throttled),
        (At::Mail, "550 5.7.1 not you", MailFrom, SenderRejected),
        (At::Mail, "530 5.7.0 authentication required", MailFrom, SenderRejected),
        (At::Rcpt, "550 5.1.1 unknown", RcptTo, RecipientRejected),
        (At::Rcpt, "450 4.2.0 greylisted", RcptTo, RecipientRejected),
        (
            At::Rcpt,
            "553 5.7.1 <it@acme.example>: Sender address rejected: not owned by user",
            RcptTo,
            SenderRejected,
        ),
        (At::Rcpt, "421 4.7.28 slow down", RcptTo, Throttled),
        (At::Data, "554 5.7.1 policy", Data, MessageRejected),
        (At::Dot, "554 5.6.0 content", Data, MessageRejected),
    ] {
        let report = failed_with(Script::new().at(at, [reply(said)])).await;
        assert_failed(&report, step, code);
        let failed = report
            .steps
            .iter()
            .find(|step| step.status == StepStatus::Failed)
            .unwrap();
        assert!(failed.detail.contains(said), "{}", failed.detail);
        assert!(
            report.transcript.contains(&format!("S: {said}")),
            "{:#?}",
            report.transcript
        );
    }
    let greylisted = failed_with(Script::new().at(At::Rcpt, [reply("450 4.2.0 greylisted")])).await;
    assert!(greylisted.failure.unwrap().hint.contains("five minutes"));
}

#[tokio::test]
async fn tls_that_is_missing_refused_or_of_another_kind() {
    let plain = inbox(Script::new()).await;
    for (security, code) in [
        (Security::StartTls, TlsNotOffered),
        (Security::ImplicitTls, TlsHandshakeFailed),
    ] {
        let server = SmtpServer {
            security,
            ..server(plain.addr())
        };
        assert_failed(&prober().run(&own(server), None).await, Tls, code);
    }
    let (_inbox, server) = secured(Script::new().at(At::StartTls, [reply("454 4.7.0 not now")])).await;
    assert_failed(&prober().run(&own(server), None).await, Tls, TlsHandshakeFailed);
}

#[tokio::test]
async fn credentials_are_not_offered_where_tls_is_not() {
    let plain = inbox(Script::new()).await;
    let optional = SmtpServer {
        security: Security::StartTlsOptional,
        credentials: Some(credentials()),
        ..server(plain.addr())
    };
    assert_failed(&prober().run(&own(optional), None).await, Tls, TlsNotOffered);
    assert!(!plain.commands().iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn certificates_that_do_not_hold_and_what_is_wrong_with_each() {
    let ca = Authority::new();
    for (tls, hint) in [
        (ca.server_for("mail.example"), "for another name than 127.0.0.1"),
        (ca.expired_server_for(ADDRESS), "has expired"),
        (self_signed_server_for(ADDRESS), "signed by itself alone"),
        (Authority::new().server_for(ADDRESS), "ca_certificate_pem"),
    ] {
        for (mode, security) in [
            (TlsMode::StartTls(tls.clone()), Security::StartTls),
            (TlsMode::Implicit(tls.clone()), Security::ImplicitTls),
        ] {
            let config = InboxConfig {
                tls: mode,
                ..InboxConfig::default()
            };
            let inbox = Inbox::start(config).await.unwrap();
            let server = SmtpServer {
                security,
                credentials: Some(credentials()),
                ca_certificate_pem: Some(ca.pem()),
                ..server(inbox.addr())
            };
            let report = prober().run(&own(server), None).await;
            assert_failed(&report, Tls, TlsCertificateInvalid);
            let failure = report.failure.unwrap();
            assert!(failure.hint.contains(hint), "{hint}: {}", failure.hint);
        }
    }
}

#[tokio::test]
async fn an_added_root_that_is_none_is_named_as_the_cause() {
    let (_inbox, server) = secured(Script::new()).await;
    let server = SmtpServer {
        ca_certificate_pem: Some("nonsense".to_owned()),
        ..server
    };
    let report = prober().run(&own(server), None).await;
    assert_failed(&report, Tls, TlsCertificateInvalid);
    assert!(
        report
            .failure
            .unwrap()
            .hint
            .contains("ca_certificate_pem cannot be used")
    );
}

#[tokio::test]
async fn passwords_that_are_wrong_and_servers_that_ask_for_none() {
    let (_inbox, server) = secured(Script::new()).await;
    let mut wrong = server;
    wrong.credentials.as_mut().unwrap().proof = Proof::Password(secret_text("guess"));
    assert_failed(
        &prober().run(&own(wrong), None).await,
        Authenticate,
        AuthenticationFailed,
    );

    let ca = Authority::new();
    let config = InboxConfig {
        tls: TlsMode::Implicit(ca.server_for(ADDRESS)),
        ..InboxConfig::default()
    };
    let inbox = Inbox::start(config).await.unwrap();
    let without = SmtpServer {
        security: Security::ImplicitTls,
        credentials: Some(credentials()),
        ca_certificate_pem: Some(ca.pem()),
        ..self::server(inbox.addr())
    };
    assert_failed(
        &prober().run(&own(without), None).await,
        Authenticate,
        AuthenticationNotOffered,
    );
}

#[tokio::test]
async fn microsofts_end_of_passwords_leads_to_o365() {
    for said in [
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
    ] {
        let (_inbox, server) = secured(Script::new().at(At::Auth, [reply(said)])).await;
        let report = prober().run(&own(server), None).await;
        assert_failed(&report, Authenticate, AuthenticationFailed);
        assert!(report.failure.unwrap().hint.contains("O365 send method"));
    }
}
