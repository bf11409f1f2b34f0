//! XOAUTH2: a token in place of a password, under TLS or not at all.

use domain::{
    connection::{Credentials, Proof, Security, SmtpServer},
    reply::Stage,
    secret::secret_text,
};
use relay::{
    inbox::{Accepts, Behaviour, Inbox, InboxConfig, Mechanism, Offered, Recording, Script, Step, TlsMode},
    session::{Failed, Session, SessionFailure, Unmarked},
};

use crate::{
    authority::Authority,
    sample::{dialer, mail, server},
};

const TOKEN: &str = "ya29.canary-token";

async fn start(ca: &Authority, mechanisms: Vec<Mechanism>, script: Script) -> Inbox {
    let config = InboxConfig {
        tls: TlsMode::StartTls(ca.server_for("127.0.0.1")),
        auth: Some(Accepts {
            mechanisms,
            offered: Offered::OverTls,
            user: "relay".to_owned(),
            password: secret_text(TOKEN),
        }),
        recording: Recording::Clear,
        script,
        ..InboxConfig::default()
    };
    Inbox::start(config).await.unwrap()
}

fn with(inbox: &Inbox, ca: &Authority, proof: Proof) -> SmtpServer {
    SmtpServer {
        security: Security::StartTls,
        credentials: Some(Credentials {
            username: "relay".to_owned(),
            proof,
        }),
        ca_certificate_pem: Some(ca.pem()),
        ..server(inbox.addr())
    }
}

fn token(text: &str) -> Proof {
    Proof::AccessToken(secret_text(text))
}

async fn open(inbox: &Inbox, ca: &Authority, proof: Proof) -> Result<Session, Failed> {
    dialer().open(&with(inbox, ca, proof)).await
}

#[tokio::test]
async fn a_token_that_is_taken_opens_the_session() {
    let ca = Authority::new();
    let inbox = start(&ca, vec![Mechanism::Plain, Mechanism::XOAuth2], Script::new()).await;
    let mut session = open(&inbox, &ca, token(TOKEN)).await.unwrap();
    session.send(&mail(), &Unmarked).await.unwrap();
    assert_eq!(inbox.messages()[0].user.as_deref(), Some("relay"));
    assert!(inbox.commands().contains(&"AUTH XOAUTH2".to_owned()));
}

#[tokio::test]
async fn a_refused_token_is_told_by_the_535_behind_the_details() {
    let ca = Authority::new();
    let inbox = start(&ca, vec![Mechanism::XOAuth2], Script::new()).await;
    let failed = open(&inbox, &ca, token("expired")).await.unwrap_err();
    assert_eq!(failed.stage, Stage::Authenticate);
    assert_eq!(failed.reply().unwrap().code, 535);
}

#[tokio::test]
async fn a_welcome_behind_the_details_of_a_refusal_is_not_believed() {
    let ca = Authority::new();
    let lies = ["334 e30=", "235 2.7.0 welcome"].map(|text| Behaviour::Reply(text.to_owned()));
    let inbox = start(&ca, vec![Mechanism::XOAuth2], Script::new().at(Step::Auth, lies)).await;
    let failed = open(&inbox, &ca, token(TOKEN)).await.unwrap_err();
    assert!(matches!(failed.failure, SessionFailure::Unexpected(_)), "{failed:?}");
}

#[tokio::test]
async fn the_proof_decides_the_mechanism_and_nothing_else_does() {
    let ca = Authority::new();
    let passwords = start(&ca, vec![Mechanism::Plain, Mechanism::Login], Script::new()).await;
    let tokens = start(&ca, vec![Mechanism::XOAuth2], Script::new()).await;
    for (inbox, proof) in [
        (&passwords, token(TOKEN)),
        (&tokens, Proof::Password(secret_text(TOKEN))),
    ] {
        let failed = open(inbox, &ca, proof).await.unwrap_err();
        assert_eq!(failed.failure, SessionFailure::AuthenticationNotOffered);
    }
}

#[tokio::test]
async fn a_token_never_travels_in_clear_and_never_shows() {
    let ca = Authority::new();
    let config = InboxConfig {
        recording: Recording::Clear,
        auth: Some(Accepts {
            mechanisms: vec![Mechanism::XOAuth2],
            offered: Offered::Always,
            user: "relay".to_owned(),
            password: secret_text(TOKEN),
        }),
        ..InboxConfig::default()
    };
    let inbox = Inbox::start(config).await.unwrap();
    for security in [Security::None, Security::StartTls, Security::StartTlsOptional] {
        let server = SmtpServer {
            security,
            ..with(&inbox, &ca, token(TOKEN))
        };
        assert!(!format!("{server:?}").contains(TOKEN));
        let failed = dialer().open(&server).await.unwrap_err();
        assert!(!format!("{failed:?}").contains(TOKEN));
    }
    let clear = String::from_utf8_lossy(&inbox.clear_octets()).to_ascii_uppercase();
    assert!(!clear.contains("AUTH"), "{clear}");
}
