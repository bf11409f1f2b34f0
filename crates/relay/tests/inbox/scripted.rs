//! Servers that refuse, hang, drop, drip, flood or lie.

use std::time::Duration;

use relay::inbox::{Behaviour, FloodOf, Script, Step};

use crate::client::scripted;

#[tokio::test]
async fn a_scripted_reply_stands_for_the_usual_one_word_by_word() {
    let refusal = "550-5.1.1 No\r\n550 5.1.1 such user";
    let (inbox, mut client) = scripted(Script::new().at(Step::Rcpt, [Behaviour::Reply(refusal.into())])).await;
    client.reply().await;
    let codes = ["EHLO client.example", "MAIL FROM:<a@b.example>"];
    assert_eq!(client.codes(&codes).await, ["250", "250"]);
    assert_eq!(client.ask("RCPT TO:<c@d.example>").await, format!("{refusal}\r\n"));
    assert!(client.ask("DATA").await.starts_with("554"));
    assert_eq!(inbox.received(), 0);
}

#[tokio::test]
async fn a_reply_can_be_meant_for_one_recipient() {
    let script = Script::new().always_for_recipient("bad@d.example", Behaviour::Reply("450 4.2.0 Later".into()));
    let (_inbox, mut client) = scripted(script).await;
    client.reply().await;
    let codes = client
        .codes(&[
            "EHLO client.example",
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<good@d.example>",
            "RCPT TO:<bad@d.example>",
        ])
        .await;
    assert_eq!(codes, ["250", "250", "250", "450"]);
}

#[tokio::test]
async fn a_server_can_take_a_message_and_go_without_saying_so() {
    let (inbox, mut client) = scripted(Script::new().at(Step::Dot, [Behaviour::AcceptThenDrop])).await;
    client.reply().await;
    client.begin_text().await;
    client.write("text\r\n.\r\n").await;
    assert!(client.rest().await.is_empty());
    assert_eq!(inbox.received(), 1);
}

#[tokio::test]
async fn a_message_that_was_refused_or_never_answered_is_not_kept() {
    for behaviour in [
        Behaviour::ReplyThenDrop("451 4.3.0 Try again".into()),
        Behaviour::ReplyThenDrop("354 Again?".into()),
        Behaviour::Drop,
    ] {
        let (inbox, mut client) = scripted(Script::new().at(Step::Dot, [behaviour])).await;
        client.reply().await;
        client.begin_text().await;
        client.write("text\r\n.\r\n").await;
        client.rest().await;
        assert_eq!(inbox.received(), 0);
    }
}

#[tokio::test]
async fn a_server_can_go_in_the_middle_of_the_text() {
    let script = Script::new().at(Step::Data, [Behaviour::TakeThenDrop { octets: 4 }]);
    let (inbox, mut client) = scripted(script).await;
    client.reply().await;
    client.begin_text().await;
    client.write("text").await;
    assert!(client.rest().await.is_empty());
    assert_eq!(inbox.received(), 0);
}

#[tokio::test]
async fn a_server_can_drop_before_it_greets_and_greet_the_next_time() {
    let (inbox, mut client) = scripted(Script::new().at(Step::Connect, [Behaviour::Drop])).await;
    assert!(client.rest().await.is_empty());
    let mut again = crate::client::Client::connect(&inbox).await;
    assert!(again.reply().await.starts_with("220"));
}

#[tokio::test]
async fn a_server_can_hang_until_the_client_goes() {
    let (inbox, mut client) = scripted(Script::new().at(Step::Greeting, [Behaviour::Hang])).await;
    client.write("EHLO client.example\r\n").await;
    let silence = tokio::time::timeout(Duration::from_millis(50), client.reply()).await;
    assert!(silence.is_err());
    drop(client);
    inbox.stop().await;
}

#[tokio::test]
async fn a_dripped_reply_is_the_usual_one() {
    let every = Duration::from_millis(1);
    let (_inbox, mut client) = scripted(Script::new().at(Step::Greeting, [Behaviour::Drip { every }])).await;
    assert_eq!(client.reply().await, "220 inbox.localhost ESMTP\r\n");
}

#[tokio::test]
async fn floods_have_the_size_asked_for() {
    let script = Script::new().at(
        Step::Ehlo,
        [
            Behaviour::Flood(FloodOf::Lines(101)),
            Behaviour::Flood(FloodOf::Octets(70_000)),
        ],
    );
    let (_inbox, mut client) = scripted(script).await;
    client.reply().await;
    let lines = client.ask("EHLO client.example").await;
    assert_eq!(lines.matches("250-and so on\r\n").count(), 101);
    let octets = client.ask("EHLO client.example").await;
    assert_eq!(octets.find("\r\n").map(|at| at + 1), Some(70_000 - 1));
}

#[tokio::test]
async fn an_endless_flood_lasts_until_the_client_goes() {
    let script = Script::new().at(Step::Greeting, [Behaviour::Flood(FloodOf::Endless)]);
    let (inbox, mut client) = scripted(script).await;
    let first = tokio::time::timeout(Duration::from_millis(50), client.reply()).await;
    assert!(first.is_err());
    drop(client);
    inbox.stop().await;
}

#[tokio::test]
async fn garbage_is_sent_as_it_is() {
    let script = Script::new().at(Step::Greeting, [Behaviour::Garbage(b"\xff\x00 hello\r\n".to_vec())]);
    let (inbox, mut client) = scripted(script).await;
    client.write("QUIT\r\n").await;
    assert!(client.rest().await.starts_with(b"\xff\x00 hello\r\n221"));
    inbox.stop().await;
}

#[tokio::test]
async fn a_delayed_reply_is_the_usual_one() {
    let script = Script::new().at(Step::Mail, [Behaviour::Delay(Duration::from_millis(1))]);
    let (_inbox, mut client) = scripted(script).await;
    client.reply().await;
    let codes = ["EHLO client.example", "MAIL FROM:<a@b.example>"];
    assert_eq!(client.codes(&codes).await, ["250", "250"]);
}
