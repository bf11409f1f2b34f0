//! Commands in and out of order, extensions withheld, bounds.

use std::{collections::BTreeSet, time::Duration};

use relay::inbox::{Extension, Inbox, InboxConfig, Limits};

use crate::client::{Client, PATIENCE, open};

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

#[tokio::test]
async fn ehlo_offers_what_is_configured_and_no_more() {
    let (_inbox, mut client) = open(InboxConfig::default()).await;
    assert_eq!(
        client.ask("EHLO client.example").await,
        "250-inbox.localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 10485760\r\n250 \
         ENHANCEDSTATUSCODES\r\n"
    );
}

#[tokio::test]
async fn parameters_of_extensions_that_are_not_offered_are_refused() {
    let (_inbox, mut client) = open(InboxConfig {
        extensions: BTreeSet::new(),
        ..InboxConfig::default()
    })
    .await;
    let codes = client
        .codes(&[
            "EHLO client.example",
            "MAIL FROM:<a@b.example> SIZE=1",
            "MAIL FROM:<a@b.example> BODY=8BITMIME",
            "MAIL FROM:<a@b.example> SMTPUTF8",
            "MAIL FROM:<ä@b.example>",
        ])
        .await;
    assert_eq!(codes, ["250", "555", "555", "555", "553"]);
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order_where_offered() {
    let (_inbox, mut client) = open(InboxConfig::default()).await;
    client.ask("EHLO client.example").await;
    client
        .write("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        .await;
    assert!(client.reply().await.starts_with("250 2.1.0"));
    assert!(client.reply().await.starts_with("250 2.1.5"));
    assert!(client.reply().await.starts_with("354"));
}

#[tokio::test]
async fn pipelining_that_was_not_offered_ends_the_session() {
    let (_inbox, mut client) = open(InboxConfig {
        extensions: [Extension::Size].into(),
        ..InboxConfig::default()
    })
    .await;
    client.ask("EHLO client.example").await;
    client
        .write("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n")
        .await;
    assert!(client.rest().await.starts_with(b"503 5.5.0"));
}

#[tokio::test]
async fn too_many_recipients_get_452_and_the_others_stay() {
    let limits = Limits {
        recipients: 1,
        ..Limits::default()
    };
    let (_inbox, mut client) = open(InboxConfig {
        limits,
        ..InboxConfig::default()
    })
    .await;
    let codes = client
        .codes(&[
            "EHLO client.example",
            "MAIL FROM:<>",
            "RCPT TO:<a@d.example>",
            "RCPT TO:<b@d.example>",
            "DATA",
        ])
        .await;
    assert_eq!(codes, ["250", "250", "250", "452", "354"]);
}

#[tokio::test]
async fn a_declared_size_over_the_bound_is_refused_at_mail() {
    let (_inbox, mut client) = open(InboxConfig::default()).await;
    let codes = client
        .codes(&["EHLO client.example", "MAIL FROM:<a@b.example> SIZE=10485761"])
        .await;
    assert_eq!(codes, ["250", "552"]);
}

#[tokio::test]
async fn a_connection_too_many_is_told_to_come_back() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let (inbox, _first) = open(InboxConfig {
        limits,
        ..InboxConfig::default()
    })
    .await;
    let mut second = Client::connect(&inbox).await;
    assert!(second.rest().await.starts_with(b"421 4.3.2"));
    assert_eq!(inbox.connections(), 2);
}

#[tokio::test]
async fn a_silent_client_is_sent_away() {
    let limits = Limits {
        idle: Duration::from_millis(20),
        ..Limits::default()
    };
    let (_inbox, mut client) = open(InboxConfig {
        limits,
        ..InboxConfig::default()
    })
    .await;
    assert!(client.rest().await.starts_with(b"421 4.4.2"));
}

#[tokio::test]
async fn stopping_closes_the_sessions() {
    let (inbox, mut client) = open(InboxConfig::default()).await;
    inbox.stop().await;
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_wait_for_mail_that_does_not_come_says_what_came() {
    let inbox = Inbox::start(InboxConfig::default()).await.unwrap();
    let error = inbox.wait_for(2, Duration::from_millis(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "0 of 2 messages arrived in time");
}
