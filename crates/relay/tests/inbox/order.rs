//! Commands in and out of order.

use relay::inbox::InboxConfig;

use crate::client::{PATIENCE, open};

#[tokio::test]
async fn a_message_arrives_with_its_envelope_and_its_text() {
    let (inbox, mut client) = open(InboxConfig::default()).await;
    client.begin_text().await;
    let reply = client.ask("Subject: =?utf-8?q?H=C3=A9?=\r\n\r\n..dot\r\n.").await;
    assert_eq!(reply, "250 2.0.0 Taken\r\n");
    let messages = inbox.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!(messages[0].reverse_path, "a@b.example");
    assert_eq!(messages[0].forward_paths, ["c@d.example"]);
    assert_eq!(messages[0].subject().as_deref(), Some("Hé"));
    assert!(messages[0].data.ends_with(b"\r\n\r\n.dot\r\n"));
    assert_eq!(
        inbox.commands(),
        [
            "EHLO client.example",
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<c@d.example>",
            "DATA"
        ]
    );
}

#[tokio::test]
async fn commands_out_of_order_get_503_and_change_nothing() {
    let (_inbox, mut client) = open(InboxConfig::default()).await;
    let before_hello = ["MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA"];
    assert_eq!(client.codes(&before_hello).await, ["503", "503", "503"]);
    let after_hello = [
        "HELO client.example",
        "RCPT TO:<c@d.example>",
        "MAIL FROM:<a@b.example>",
        "MAIL FROM:<a@b.example>",
        "DATA",
        "RCPT TO:<c@d.example>",
        "RSET",
        "DATA",
    ];
    assert_eq!(
        client.codes(&after_hello).await,
        ["250", "503", "250", "503", "554", "250", "250", "503"]
    );
}

#[tokio::test]
async fn side_commands_are_answered_at_any_time() {
    let (_inbox, mut client) = open(InboxConfig::default()).await;
    let codes = client
        .codes(&[
            "NOOP",
            "VRFY joe",
            "EXPN all",
            "HELP",
            "BDAT 3 LAST",
            "XYZZY",
            "STARTTLS",
            "AUTH PLAIN =",
            "QUIT",
        ])
        .await;
    assert_eq!(codes, ["250", "252", "502", "502", "502", "500", "502", "502", "221"]);
    assert!(client.rest().await.is_empty());
}
