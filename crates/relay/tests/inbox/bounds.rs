//! Bounds: of recipients, of size, of connections, of patience; and the end of the inbox itself.

use std::time::Duration;

use relay::inbox::{Inbox, InboxConfig, Limits};

use crate::client::{Client, open};

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
