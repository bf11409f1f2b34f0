//! The text behind DATA: what could smuggle, and what was not announced, is not taken.

use relay::inbox::{InboxConfig, Limits};

use crate::client::open;

#[tokio::test]
async fn a_text_that_another_server_could_see_as_two_is_refused_whole() {
    for smuggler in [
        "a\n.\nMAIL FROM:<x@y.example>\r\nRCPT TO:<v@d.example>\r\nDATA\r\nevil\r\n.",
        "a\r\n.\nMAIL FROM:<x@y.example>\r\n.",
        "a\n.\r\nMAIL FROM:<x@y.example>\r\n.",
        "a\r.\rMAIL FROM:<x@y.example>\r\n.",
        "a\r\n.\rMAIL FROM:<x@y.example>\r\n.",
    ] {
        let (inbox, mut client) = open(InboxConfig::default()).await;
        client.begin_text().await;
        assert!(client.ask(smuggler).await.starts_with("550 5.5.2"), "{smuggler:?}");
        assert_eq!(client.ask("NOOP").await, "250 2.0.0 Fine\r\n");
        assert_eq!(inbox.received(), 0);
        assert_eq!(inbox.commands().last().map(String::as_str), Some("NOOP"));
    }
}

#[tokio::test]
async fn a_command_line_that_ends_in_lf_alone_ends_the_session() {
    let (_inbox, mut client) = open(InboxConfig::default()).await;
    client.write("EHLO client.example\n").await;
    assert!(client.rest().await.starts_with(b"500 5.5.2"));
}

#[tokio::test]
async fn a_command_line_without_end_ends_the_session() {
    let (_inbox, mut client) = open(InboxConfig::default()).await;
    client.write("x".repeat(12_288)).await;
    assert!(client.rest().await.starts_with(b"500 5.5.2"));
}

#[tokio::test]
async fn a_text_over_the_bound_is_refused_and_the_session_goes_on() {
    let limits = Limits {
        message_octets: 10,
        ..Limits::default()
    };
    let (inbox, mut client) = open(InboxConfig {
        limits,
        ..InboxConfig::default()
    })
    .await;
    client.begin_text().await;
    assert!(client.ask("0123456789ab\r\n.").await.starts_with("552 5.3.4"));
    client.begin_text().await;
    assert!(client.ask("01234567\r\n.").await.starts_with("250"));
    assert_eq!(inbox.received(), 1);
}

#[tokio::test]
async fn octets_beyond_ascii_need_their_declaration() {
    for (parameters, text, code) in [
        ("", "A: b\r\n\r\nä\r\n.", "554"),
        (" BODY=8BITMIME", "A: b\r\n\r\nä\r\n.", "250"),
        (" BODY=8BITMIME", "A: ä\r\n\r\nb\r\n.", "554"),
        (" SMTPUTF8", "A: ä\r\n\r\nb\r\n.", "250"),
        (" SMTPUTF8", "A: ä\r\n\r\nä\r\n.", "554"),
        (" BODY=8BITMIME SMTPUTF8", "A: ä\r\n\r\nä\r\n.", "250"),
    ] {
        let (_inbox, mut client) = open(InboxConfig::default()).await;
        let mail = format!("MAIL FROM:<a@b.example>{parameters}");
        let codes = client
            .codes(&["EHLO client.example", &mail, "RCPT TO:<c@d.example>", "DATA", text])
            .await;
        assert_eq!(codes, ["250", "250", "250", "354", code], "{parameters} {text}");
    }
}
