//! Extensions: offered as configured, and refused where they were not offered.

use std::collections::BTreeSet;

use relay::inbox::{Extension, InboxConfig};

use crate::client::open;

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
