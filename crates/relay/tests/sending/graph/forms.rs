//! The two forms: MIME for everything that may be kept, JSON for sign-in codes.

use domain::{message::kind::Kind, outbox::Outcome};
use relay::{
    compose::WireMessage,
    graph_emulator::{Form, SentItems},
};

use super::world::{CLIENT, MAILBOX, composed, job_over, settings, world};

#[tokio::test]
async fn a_notification_arrives_octet_for_octet_as_it_was_composed() {
    let (world, via) = (world().await, settings());
    let job = job_over(&via, Kind::Notification);

    let (outcome, report) = world.attempt(&job).await;

    assert_eq!(outcome, Outcome::Sent);
    let taken = &world.emulator.taken()[0];
    assert_eq!(taken.data, composed(&job).bytes);
    assert_eq!((taken.form, taken.copy), (Form::Mime, SentItems::Kept));
    assert_eq!((taken.mailbox.as_str(), taken.application), (MAILBOX, CLIENT));
    assert_eq!(taken.recipients, ["bob@b.example"]);
    let reply = report.reply.unwrap();
    assert_eq!(reply.code, 202);
    assert!(
        reply.text.starts_with("Accepted by Microsoft (request "),
        "{}",
        reply.text
    );
    assert_eq!(report.server.as_deref(), Some("graph.microsoft.com"));
}

#[tokio::test]
async fn a_code_is_never_kept_in_sent_items_whatever_the_settings_say() {
    for wish in [true, false] {
        let (world, mut via) = (world().await, settings());
        via.save_to_sent_items = wish;

        let (outcome, _) = world.attempt(&job_over(&via, Kind::TwoFactorCode)).await;

        assert_eq!(outcome, Outcome::Sent);
        let taken = &world.emulator.taken()[0];
        assert_eq!((taken.form, taken.copy), (Form::Json, SentItems::Dropped));
    }
}

#[tokio::test]
async fn the_json_form_says_what_the_composed_mail_says() {
    let (world, via) = (world().await, settings());
    let mut job = job_over(&via, Kind::TwoFactorCode);
    job.recipient.name = Some("Bob Bürger".parse().unwrap());
    job.from.from.name = Some("Zugang, Büro".parse().unwrap());
    job.from.reply_to = Some("help@acme.example".parse().unwrap());

    world.attempt(&job).await;

    let taken = &world.emulator.taken()[0];
    let request: serde_json::Value = serde_json::from_slice(&taken.data).unwrap();
    let message = &request["message"];
    let mail = composed(&job);
    let parsed = mail_parser::MessageParser::default().parse(&mail.bytes).unwrap();
    assert_eq!(taken.subject, parsed.subject().unwrap());
    assert_eq!(message["body"]["contentType"], "HTML");
    assert_eq!(message["body"]["content"], parsed.body_html(0).unwrap().as_ref());
    assert!(message["body"]["content"].as_str().unwrap().contains("482913"));
    let person = |name: Option<&str>, address: &str| match name {
        Some(name) => serde_json::json!({ "emailAddress": { "address": address, "name": name } }),
        None => serde_json::json!({ "emailAddress": { "address": address } }),
    };
    assert_eq!(message["toRecipients"][0], person(Some("Bob Bürger"), "bob@b.example"));
    assert_eq!(message["from"], person(Some("Zugang, Büro"), MAILBOX));
    assert_eq!(message["replyTo"][0], person(None, "help@acme.example"));
    assert_eq!(message["internetMessageId"], format!("<{}>", job.message_id_header));
    let own: Vec<_> = message["internetMessageHeaders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| header["name"].as_str().unwrap())
        .collect();
    assert_eq!(own, ["X-Entity-Ref-ID", "X-Auto-Response-Suppress"]);
}

#[tokio::test]
async fn what_must_not_leave_is_refused_before_anybody_is_asked_for_a_send() {
    let (world, via) = (world().await, settings());
    let job = job_over(&via, Kind::Notification);
    let smuggled = WireMessage {
        bytes: b"From: it@acme.example\r\nTo: bob@b.example\r\n\r\na\n.\nb\r\n".to_vec(),
        ..composed(&job)
    };

    let attempted = world
        .transports
        .attempt(&job, &smuggled, &relay::session::Unmarked)
        .await;

    assert!(
        matches!(
            &attempted,
            relay::transport::Attempted::Ended(Outcome::Bounced { .. }, _)
        ),
        "{attempted:?}"
    );
    assert_eq!(world.emulator.sends_begun(), 0);
}
