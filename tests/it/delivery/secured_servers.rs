//! Sessions with a real mail server that has TLS and accounts: what is right goes through, what is wrong is told apart, and
//! nobody learns a password who has not shown a good certificate first.

use domain::{
    connection::{Credentials, Host, Proof, Security, SmtpServer},
    message::envelope::Envelope,
    reply::{Reply, Stage},
    secret::secret_text,
};
use relay::{
    compose::WireMessage,
    gate::Gate,
    session::{Dialer, Failed, SessionFailure, Timeouts, Unmarked},
};

use crate::support::{
    authority::{Authority, Identity, LOOPBACK, self_signed_identity_for},
    mta::{Door, Mta, MtaOptions},
    tap::Tap,
};

const PASSWORD: &str = "correct horse battery staple";

/// A message from pam, who may send, to bob, who is there.
fn mail() -> WireMessage {
    between("pam@acme.example", "bob@acme.example")
}

fn between(from: &str, to: &str) -> WireMessage {
    WireMessage {
        envelope: Envelope {
            reverse_path: from.parse().unwrap(),
            forward_path: to.parse().unwrap(),
        },
        bytes: b"Subject: hello\r\n\r\n.\r\n".to_vec(),
    }
}

/// A server that pam may use, over TLS by this authority.
fn server(at: &Tap, security: Security, ca: &Authority) -> SmtpServer {
    SmtpServer {
        host: Host::Address(at.addr().ip()),
        port: at.addr().port(),
        security,
        credentials: Some(Credentials {
            username: "pam".to_owned(),
            proof: Proof::Password(secret_text(PASSWORD)),
        }),
        ca_certificate_pem: Some(ca.pem()),
    }
}

async fn send(server: &SmtpServer, mail: &WireMessage) -> Result<Reply, Failed> {
    let gate = Gate::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    let dialer = Dialer::new(gate, Timeouts::default(), &"relay.example".parse().unwrap());
    let mut session = dialer.open(server).await?;
    let reply = session.send(mail, &Unmarked).await?;
    session.quit().await;
    Ok(reply)
}

/// Neither AUTH nor anything else that TLS has to hide was said in clear.
pub(super) fn assert_nothing_leaked(tap: &Tap) {
    for said in tap.said_in_clear() {
        let said = said.to_ascii_uppercase();
        assert!(!said.contains("AUTH") && !said.contains("MAIL"), "{said}");
    }
}

#[tokio::test]
async fn postfix_takes_mail_over_starttls_and_implicit_tls_of_a_private_authority() {
    let ca = Authority::new();
    let options = MtaOptions::for_domain("acme.example")
        .with_account("pam", PASSWORD)
        .with_door("starttls", Door::starttls(ca.identity_for(LOOPBACK)))
        .with_door("implicit", Door::implicit_tls(ca.identity_for(LOOPBACK)));
    let Some(mta) = Mta::start(options).await else {
        return; // The runner has said that there is none.
    };
    for (count, (door, security)) in (1..).zip([
        ("starttls", Security::StartTls),
        ("starttls", Security::StartTlsOptional),
        ("implicit", Security::ImplicitTls),
    ]) {
        let tap = Tap::before(mta.door(door)).await;
        let by_name = SmtpServer {
            host: "localhost".parse().unwrap(),
            ..server(&tap, security, &ca)
        };

        assert_eq!(send(&by_name, &mail()).await.unwrap().code, 250);
        assert_eq!(send(&server(&tap, security, &ca), &mail()).await.unwrap().code, 250);

        assert_nothing_leaked(&tap);
        assert_eq!(mta.mails(2 * count).await.len(), 2 * count);
    }
    assert!(mta.heard_credentials());
}

#[tokio::test]
async fn postfix_with_a_certificate_that_does_not_hold_never_hears_a_credential() {
    let ca = Authority::new();
    let mut options = MtaOptions::for_domain("acme.example").with_account("pam", PASSWORD);
    // The impostor is another authority of the same name.
    for (starttls, implicit, identity) in [
        ("expired", "expired, implicit", ca.expired_identity_for(LOOPBACK)),
        ("name", "name, implicit", ca.identity_for(["mail.globex.example"])),
        (
            "self-signed",
            "self-signed, implicit",
            self_signed_identity_for(LOOPBACK),
        ),
        (
            "impostor",
            "impostor, implicit",
            Authority::new().identity_for(LOOPBACK),
        ),
    ] {
        options = with_both_doors(options, (starttls, implicit), &identity);
    }
    let Some(mta) = Mta::start(options).await else {
        return; // The runner has said that there is none.
    };
    for (door, security, reason) in [
        ("expired", Security::StartTls, "expired"),
        ("expired", Security::StartTlsOptional, "expired"),
        ("expired, implicit", Security::ImplicitTls, "expired"),
        ("name", Security::StartTls, "name"),
        ("name", Security::StartTlsOptional, "name"),
        ("name, implicit", Security::ImplicitTls, "name"),
        ("self-signed", Security::StartTls, "UnknownIssuer"),
        ("self-signed", Security::StartTlsOptional, "UnknownIssuer"),
        ("self-signed, implicit", Security::ImplicitTls, "UnknownIssuer"),
        ("impostor", Security::StartTls, "BadSignature"),
        ("impostor", Security::StartTlsOptional, "BadSignature"),
        ("impostor, implicit", Security::ImplicitTls, "BadSignature"),
    ] {
        let tap = Tap::before(mta.door(door)).await;

        let failed = send(&server(&tap, security, &ca), &mail()).await.unwrap_err();

        assert_eq!(failed.stage, Stage::Tls, "{door}");
        let SessionFailure::TlsCertificateInvalid(text) = failed.failure else {
            panic!("{door}: {:?}", failed.failure);
        };
        assert!(text.contains(reason), "{door}: {text}");
        assert_nothing_leaked(&tap);
    }
    assert!(!mta.heard_credentials());
}

pub(super) fn with_both_doors(
    options: MtaOptions,
    names: (&'static str, &'static str),
    identity: &Identity,
) -> MtaOptions {
    options
        .with_door(names.0, Door::starttls(identity.clone()))
        .with_door(names.1, Door::implicit_tls(identity.clone()))
}

#[tokio::test]
async fn postfix_is_not_given_a_password_where_it_offers_no_tls_or_no_auth() {
    let ca = Authority::new();
    let options = MtaOptions::for_domain("acme.example")
        .with_account("pam", PASSWORD)
        .with_door("clear", Door::clear())
        .with_door("no auth", Door::starttls(ca.identity_for(LOOPBACK)).without_auth());
    let Some(mta) = Mta::start(options).await else {
        return; // The runner has said that there is none.
    };
    for (door, security, stage, failure) in [
        ("clear", Security::StartTls, Stage::Tls, SessionFailure::TlsNotOffered),
        (
            "clear",
            Security::StartTlsOptional,
            Stage::Tls,
            SessionFailure::TlsNotOffered,
        ),
        (
            "clear",
            Security::None,
            Stage::Authenticate,
            SessionFailure::CredentialsNeedTls,
        ),
        (
            "no auth",
            Security::StartTls,
            Stage::Authenticate,
            SessionFailure::AuthenticationNotOffered,
        ),
    ] {
        let tap = Tap::before(mta.door(door)).await;
        let failed = send(&server(&tap, security, &ca), &mail()).await.unwrap_err();
        assert_eq!((failed.stage, failed.failure), (stage, failure), "{door}");
        assert_nothing_leaked(&tap);
    }
    assert!(!mta.heard_credentials());
}

/// A server at which pam is not the boss, nobody is not there and mail for grey has to come again: at its usual door, and at
/// one that says so as early as it can.
pub(super) fn with_refusals(options: MtaOptions, ca: &Authority) -> MtaOptions {
    options
        .with_setting(
            "smtpd_sender_login_maps",
            "inline:{{pam@acme.example = pam}, {ceo@acme.example = ceo}}",
        )
        .with_setting(
            "smtpd_sender_restrictions",
            "reject_authenticated_sender_login_mismatch",
        )
        .with_setting(
            "smtpd_recipient_restrictions",
            "check_recipient_access inline:{{nobody@acme.example = 550 5.1.1 No such user}, \
             {grey@acme.example = 450 4.7.1 Greylisted, try again later}}",
        )
        .with_door("usual", Door::starttls(ca.identity_for(LOOPBACK)))
        .with_door(
            "early",
            Door::starttls(ca.identity_for(LOOPBACK))
                .with_setting("smtpd_delay_reject", "no")
                .with_setting("smtpd_client_restrictions", ""),
        )
}

#[tokio::test]
async fn postfix_says_at_each_stage_what_it_refuses() {
    let ca = Authority::new();
    let options = with_refusals(
        MtaOptions::for_domain("acme.example").with_account("pam", PASSWORD),
        &ca,
    );
    let Some(mta) = Mta::start(options).await else {
        return; // The runner has said that there is none.
    };
    let tap = Tap::before(mta.door("usual")).await;
    let usual = server(&tap, Security::StartTls, &ca);
    let early = SmtpServer {
        port: mta.door("early").port(),
        ..usual.clone()
    };
    let mut stranger = usual.clone();
    stranger.credentials.as_mut().unwrap().proof = Proof::Password(secret_text("a guess"));
    let forged = between("ceo@acme.example", "bob@acme.example");
    let nobody = between("pam@acme.example", "nobody@acme.example");
    let grey = between("pam@acme.example", "grey@acme.example");

    for (server, mail, stage, code, enhanced) in [
        (&stranger, &mail(), Stage::Authenticate, 535, "5.7.8"),
        // Postfix says so at RCPT unless told otherwise.
        (&usual, &forged, Stage::RcptTo, 553, "5.7.1"),
        (&early, &forged, Stage::MailFrom, 553, "5.7.1"),
        (&usual, &nobody, Stage::RcptTo, 550, "5.1.1"),
        (&usual, &grey, Stage::RcptTo, 450, "4.7.1"),
    ] {
        let failed = send(server, mail).await.unwrap_err();
        let reply = failed.reply().unwrap_or_else(|| panic!("{failed:?}"));
        let said = (failed.stage, reply.code, reply.enhanced.unwrap().to_string());
        assert_eq!(said, (stage, code, enhanced.to_owned()), "{}", reply.text);
    }
    assert_eq!(send(&usual, &mail()).await.unwrap().code, 250);
    assert_nothing_leaked(&tap);
    assert_eq!(mta.mails(1).await.len(), 1);
}
