//! TLS and AUTH: what is protected, what is verified, and that nothing secret travels otherwise.

use domain::{
    connection::{Host, Proof, Security, SmtpServer},
    reply::Stage,
    secret::secret_text,
};
use relay::{
    inbox::{Accepts, Behaviour, Channel, Inbox, InboxConfig, Mechanism, Offered, Recording, Script, Step, TlsMode},
    session::{Failed, SessionFailure, Unmarked},
};

use crate::{
    authority::{Authority, self_signed_server_for},
    sample::{credentials, dialer, dialer_with, mail, server, short_timeouts},
};

const ADDRESS: &str = "127.0.0.1";

fn accepts(mechanisms: impl Into<Vec<Mechanism>>) -> Accepts {
    Accepts {
        mechanisms: mechanisms.into(),
        offered: Offered::OverTls,
        user: "relay".to_owned(),
        password: secret_text("correct horse"),
    }
}

async fn inbox_with(tls: TlsMode, script: Script) -> Inbox {
    let config = InboxConfig {
        tls,
        script,
        auth: Some(accepts([Mechanism::Plain, Mechanism::Login])),
        recording: Recording::Clear,
        ..InboxConfig::default()
    };
    Inbox::start(config).await.unwrap()
}

fn secured(inbox: &Inbox, security: Security, ca: &Authority) -> SmtpServer {
    SmtpServer {
        security,
        credentials: Some(credentials()),
        ca_certificate_pem: Some(ca.pem()),
        ..server(inbox.addr())
    }
}

/// Nothing that begins like AUTH was said in clear.
fn assert_no_auth_in_clear(inbox: &Inbox) {
    let clear = String::from_utf8_lossy(&inbox.clear_octets()).to_ascii_uppercase();
    assert!(!clear.contains("AUTH"), "{clear}");
}

#[tokio::test]
async fn a_message_goes_over_starttls_and_over_implicit_tls() {
    let ca = Authority::new();
    for (tls, security) in [
        (TlsMode::StartTls(ca.server_for(ADDRESS)), Security::StartTls),
        (TlsMode::StartTls(ca.server_for(ADDRESS)), Security::StartTlsOptional),
        (TlsMode::Implicit(ca.server_for(ADDRESS)), Security::ImplicitTls),
    ] {
        let inbox = inbox_with(tls, Script::new()).await;
        let mut session = dialer().open(&secured(&inbox, security, &ca)).await.unwrap();
        session.send(&mail(), &Unmarked).await.unwrap();

        assert_eq!(session.tls_version().as_deref(), Some("TLSv1.3"));
        let message = inbox.messages().remove(0);
        assert!(matches!(message.channel, Channel::Tls(_)));
        assert_eq!(message.user.as_deref(), Some("relay"));
        assert_no_auth_in_clear(&inbox);
    }
}

#[tokio::test]
async fn a_certificate_for_the_name_is_good_for_the_name() {
    let ca = Authority::new();
    let inbox = inbox_with(TlsMode::StartTls(ca.server_for("localhost")), Script::new()).await;
    let by_name = SmtpServer {
        host: Host::Name("localhost".to_owned()),
        ..secured(&inbox, Security::StartTls, &ca)
    };
    dialer().open(&by_name).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_ends_the_session_before_auth() {
    let ca = Authority::new();
    for (why, tls) in [
        ("another name", ca.server_for("mail.example")),
        ("expired", ca.expired_server_for(ADDRESS)),
        ("self-signed", self_signed_server_for(ADDRESS)),
        ("another authority", Authority::new().server_for(ADDRESS)),
    ] {
        for (mode, security) in [
            (TlsMode::StartTls(tls.clone()), Security::StartTls),
            (TlsMode::StartTls(tls.clone()), Security::StartTlsOptional),
            (TlsMode::Implicit(tls.clone()), Security::ImplicitTls),
        ] {
            let inbox = inbox_with(mode, Script::new()).await;
            let failed = dialer().open(&secured(&inbox, security, &ca)).await.unwrap_err();
            assert_eq!(failed.stage, Stage::Tls, "{why}");
            assert!(
                matches!(failed.failure, SessionFailure::TlsCertificateInvalid(_)),
                "{why}: {failed:?}"
            );
            assert_no_auth_in_clear(&inbox);
        }
    }
}

#[tokio::test]
async fn an_added_root_that_is_no_certificate_is_named_as_the_cause() {
    let ca = Authority::new();
    let inbox = inbox_with(TlsMode::StartTls(ca.server_for(ADDRESS)), Script::new()).await;
    for pem in [
        "nonsense",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let broken = SmtpServer {
            ca_certificate_pem: Some(pem.to_owned()),
            ..secured(&inbox, Security::StartTls, &ca)
        };
        let failed = dialer().open(&broken).await.unwrap_err();
        assert!(
            matches!(failed.failure, SessionFailure::TlsCertificateInvalid(_)),
            "{failed:?}"
        );
    }
}

#[tokio::test]
async fn octets_injected_behind_the_220_of_starttls_end_the_session() {
    let ca = Authority::new();
    let injection = Behaviour::LeftOver(b"250 injected\r\n".to_vec());
    let script = Script::new().at(Step::StartTls, [injection]);
    let inbox = inbox_with(TlsMode::StartTls(ca.server_for(ADDRESS)), script).await;

    let failed = dialer()
        .open(&secured(&inbox, Security::StartTls, &ca))
        .await
        .unwrap_err();

    assert_eq!(failed.stage, Stage::Tls);
    assert!(
        matches!(failed.failure, SessionFailure::ProtocolViolation(_)),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_do_tls_gets_no_credentials() {
    for security in [Security::StartTls, Security::StartTlsOptional] {
        let failed = open_without_tls(security).await;
        assert_eq!(failed.stage, Stage::Tls);
        assert_eq!(failed.failure, SessionFailure::TlsNotOffered);
    }
    let failed = open_without_tls(Security::None).await;
    assert_eq!(failed.failure, SessionFailure::CredentialsNeedTls);
}

async fn open_without_tls(security: Security) -> Failed {
    let config = InboxConfig {
        auth: Some(Accepts {
            offered: Offered::Always,
            ..accepts([Mechanism::Plain])
        }),
        recording: Recording::Clear,
        ..InboxConfig::default()
    };
    let inbox = Inbox::start(config).await.unwrap();
    let server = secured(&inbox, security, &Authority::new());
    let failed = dialer().open(&server).await.unwrap_err();
    assert_no_auth_in_clear(&inbox);
    failed
}

#[tokio::test]
async fn starttls_where_offered_goes_on_in_clear_only_without_credentials() {
    let inbox = Inbox::start(InboxConfig::default()).await.unwrap();
    let server = SmtpServer {
        security: Security::StartTlsOptional,
        ..server(inbox.addr())
    };
    let mut session = dialer().open(&server).await.unwrap();
    session.send(&mail(), &Unmarked).await.unwrap();
    assert_eq!(session.tls_version(), None);
}

#[tokio::test]
async fn a_refused_starttls_is_not_the_end_of_protection_but_of_the_session() {
    let ca = Authority::new();
    for security in [Security::StartTls, Security::StartTlsOptional] {
        let script = Script::new().at(Step::StartTls, [Behaviour::Reply("454 4.7.0 not now".to_owned())]);
        let inbox = inbox_with(TlsMode::StartTls(ca.server_for(ADDRESS)), script).await;
        let failed = dialer().open(&secured(&inbox, security, &ca)).await.unwrap_err();
        assert_eq!(failed.stage, Stage::Tls);
        assert_eq!(failed.reply().unwrap().code, 454);
        assert_no_auth_in_clear(&inbox);
    }
}

#[tokio::test]
async fn auth_login_is_used_where_plain_is_not_offered() {
    let ca = Authority::new();
    let config = InboxConfig {
        tls: TlsMode::Implicit(ca.server_for(ADDRESS)),
        auth: Some(accepts([Mechanism::XOAuth2, Mechanism::Login])),
        ..InboxConfig::default()
    };
    let inbox = Inbox::start(config).await.unwrap();
    let mut session = dialer()
        .open(&secured(&inbox, Security::ImplicitTls, &ca))
        .await
        .unwrap();
    session.send(&mail(), &Unmarked).await.unwrap();
    assert_eq!(inbox.messages()[0].user.as_deref(), Some("relay"));
}

#[tokio::test]
async fn auth_fails_with_the_servers_own_words_or_ours() {
    let ca = Authority::new();
    let inbox = inbox_with(TlsMode::Implicit(ca.server_for(ADDRESS)), Script::new()).await;
    let mut wrong = secured(&inbox, Security::ImplicitTls, &ca);
    wrong.credentials.as_mut().unwrap().proof = Proof::Password(secret_text("guess"));
    let failed = dialer().open(&wrong).await.unwrap_err();
    assert_eq!(failed.stage, Stage::Authenticate);
    assert_eq!(failed.reply().unwrap().code, 535);
    assert_eq!(failed.tls_version.as_deref(), Some("TLSv1.3"));

    let config = InboxConfig {
        tls: TlsMode::Implicit(ca.server_for(ADDRESS)),
        auth: Some(accepts([Mechanism::XOAuth2])),
        ..InboxConfig::default()
    };
    let inbox = Inbox::start(config).await.unwrap();
    let failed = dialer()
        .open(&secured(&inbox, Security::ImplicitTls, &ca))
        .await
        .unwrap_err();
    assert_eq!(failed.failure, SessionFailure::AuthenticationNotOffered);
}

#[tokio::test]
async fn a_server_that_falls_silent_under_tls_costs_one_time_out() {
    let ca = Authority::new();
    for (step, tls, security, stage) in [
        (
            Step::Connect,
            TlsMode::Implicit(ca.server_for(ADDRESS)),
            Security::ImplicitTls,
            Stage::Tls,
        ),
        (
            Step::StartTls,
            TlsMode::StartTls(ca.server_for(ADDRESS)),
            Security::StartTls,
            Stage::Tls,
        ),
        (
            Step::Auth,
            TlsMode::StartTls(ca.server_for(ADDRESS)),
            Security::StartTls,
            Stage::Authenticate,
        ),
    ] {
        let inbox = inbox_with(tls, Script::new().at(step, [Behaviour::Hang])).await;
        let server = secured(&inbox, security, &ca);
        let failed = dialer_with(short_timeouts()).open(&server).await.unwrap_err();
        assert_eq!(failed.stage, stage, "{step:?}");
        assert_eq!(failed.failure, SessionFailure::ConnectionTimeout, "{step:?}");
    }
}
