//! STARTTLS, implicit TLS and AUTH.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::secret::secret_text;
use relay::inbox::{
    Accepts, Behaviour, Channel, Inbox, InboxConfig, Mechanism, Offered, Recording, Script, Step, TlsMode,
};

use crate::client::{Client, Pki, open};

fn joe(offered: Offered) -> Accepts {
    Accepts {
        mechanisms: vec![Mechanism::Plain, Mechanism::Login, Mechanism::XOAuth2],
        offered,
        user: "joe".to_owned(),
        password: secret_text("s3cret"),
    }
}

fn with_starttls(pki: &Pki) -> InboxConfig {
    InboxConfig {
        tls: TlsMode::StartTls(pki.server.clone()),
        auth: Some(joe(Offered::OverTls)),
        recording: Recording::Clear,
        ..InboxConfig::default()
    }
}

#[tokio::test]
async fn auth_is_offered_once_tls_stands_and_nothing_said_in_clear_counts_any_more() {
    let pki = Pki::new();
    let (inbox, mut client) = open(with_starttls(&pki)).await;
    let hello = client.ask("EHLO client.example").await;
    assert!(hello.contains("250-STARTTLS\r\n") && !hello.contains("AUTH"));
    assert!(client.ask("AUTH PLAIN AGpvZQBzM2NyZXQ=").await.starts_with("538"));
    assert!(client.ask("STARTTLS").await.starts_with("220"));
    let mut client = client.secure(&pki).await;
    assert!(client.ask("MAIL FROM:<a@b.example>").await.starts_with("503"));
    let hello = client.ask("EHLO client.example").await;
    assert!(hello.contains("250-AUTH PLAIN LOGIN XOAUTH2\r\n") && !hello.contains("STARTTLS"));
    assert!(client.ask("MAIL FROM:<a@b.example>").await.starts_with("530"));
    assert!(client.ask("AUTH PLAIN AGpvZQBzM2NyZXQ=").await.starts_with("235"));
    client.begin_text().await;
    assert!(client.ask("text\r\n.").await.starts_with("250"));
    let message = inbox.messages().remove(0);
    assert_eq!(message.user.as_deref(), Some("joe"));
    assert_eq!(message.channel, Channel::Tls(rustls::ProtocolVersion::TLSv1_3));
    assert!(inbox.commands().contains(&"AUTH PLAIN".to_owned()));
}

#[tokio::test]
async fn octets_in_clear_are_recorded_and_those_under_tls_are_not() {
    let pki = Pki::new();
    let (inbox, mut client) = open(with_starttls(&pki)).await;
    client.ask("EHLO client.example").await;
    client.ask("STARTTLS").await;
    let mut client = client.secure(&pki).await;
    client.ask("EHLO hidden.example").await;
    assert_eq!(inbox.clear_octets(), b"EHLO client.example\r\nSTARTTLS\r\n");
}

#[tokio::test]
async fn octets_behind_starttls_end_the_session() {
    let pki = Pki::new();
    let (_inbox, mut client) = open(with_starttls(&pki)).await;
    client.ask("EHLO client.example").await;
    client.write("STARTTLS\r\nEHLO injected.example\r\n").await;
    assert!(client.rest().await.starts_with(b"503 5.5.0"));
}

#[tokio::test]
async fn implicit_tls_greets_under_tls() {
    let pki = Pki::new();
    let inbox = Inbox::start(InboxConfig {
        tls: TlsMode::Implicit(pki.server.clone()),
        ..InboxConfig::default()
    })
    .await
    .unwrap();
    let mut client = Client::connect(&inbox).await.secure(&pki).await;
    assert_eq!(client.reply().await, "220 inbox.localhost ESMTP\r\n");
}

#[tokio::test]
async fn left_over_octets_travel_in_clear_with_the_220() {
    let pki = Pki::new();
    let (_inbox, mut client) = open(InboxConfig {
        script: Script::new().at(Step::StartTls, [Behaviour::LeftOver(b"250 injected\r\n".to_vec())]),
        ..with_starttls(&pki)
    })
    .await;
    client.ask("EHLO client.example").await;
    assert_eq!(client.ask("STARTTLS").await, "220 2.0.0 Go ahead\r\n");
    assert_eq!(client.reply().await, "250 injected\r\n");
}

#[tokio::test]
async fn each_mechanism_lets_the_right_user_in_and_nobody_else() {
    let token = |password: &str| STANDARD.encode(format!("user=joe\u{1}auth=Bearer {password}\u{1}\u{1}"));
    let (right, wrong) = (token("s3cret"), token("guess"));
    let right_xoauth2 = format!("AUTH XOAUTH2 {right}");
    let wrong_xoauth2 = format!("AUTH XOAUTH2 {wrong}");
    for (exchange, codes) in [
        (vec!["AUTH PLAIN", "AGpvZQBzM2NyZXQ="], vec!["334", "235"]),
        (vec!["AUTH PLAIN AGpvZQBndWVzcw=="], vec!["535"]),
        (vec!["AUTH PLAIN ???"], vec!["501"]),
        (vec!["AUTH PLAIN", "*"], vec!["334", "501"]),
        (vec!["AUTH LOGIN", "am9l", "czNjcmV0"], vec!["334", "334", "235"]),
        (vec!["AUTH LOGIN am9l", "Z3Vlc3M="], vec!["334", "535"]),
        (vec![&right_xoauth2], vec!["235"]),
        (vec![&wrong_xoauth2, ""], vec!["334", "535"]),
        (vec!["AUTH CRAM-MD5"], vec!["504"]),
        (vec!["AUTH FANCY"], vec!["504"]),
        (
            vec!["AUTH PLAIN AGpvZQBzM2NyZXQ=", "AUTH PLAIN AGpvZQBzM2NyZXQ="],
            vec!["235", "503"],
        ),
    ] {
        let (_inbox, mut client) = open(InboxConfig {
            auth: Some(joe(Offered::Always)),
            ..InboxConfig::default()
        })
        .await;
        client.ask("EHLO client.example").await;
        assert_eq!(client.codes(&exchange).await, codes, "{exchange:?}");
    }
}
