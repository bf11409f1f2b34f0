//! What was answered 202 is there after SIGKILL, and gets sent.

use std::time::Duration;

use relay::inbox::{Behaviour, Inbox, InboxConfig, Script, Step};
use serde_json::{Value, json};

use crate::support::{
    http::Client,
    process::Home,
    service::{PATIENCE, code, notification},
};

async fn ready(home: &Home, inbox: &Inbox) -> Client {
    let operator = home.operator().await;
    let tenant = json!({ "slug": "acme", "name": "Acme", "edition": "cloud" });
    operator.post("/v1/tenants", &tenant).await.expect(201);
    let route =
        json!({ "name": "inbox", "email_server": "127.0.0.1", "port": inbox.addr().port(), "security": "none" });
    operator.post("/v1/relay/routes", &route).await.expect(201);
    operator
}

async fn wait_for(operator: &Client, message: &Value, status: &str) {
    let path = format!("/v1/tenants/acme/messages/{}", message["id"].as_str().unwrap());
    let deadline = tokio::time::Instant::now() + PATIENCE * 4;
    loop {
        let found = operator.get(&path).await.expect(200);
        if found["status"] == status {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "still {found:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_was_accepted_survives_sigkill_and_is_sent_by_the_next_process() {
    // The first process gets no further than RCPT: nothing it accepts is sent.
    let script = Script::new().always_at(Step::Rcpt, Behaviour::Hang);
    let inbox = Inbox::start(InboxConfig {
        script,
        ..InboxConfig::default()
    })
    .await
    .unwrap();
    let home = Home::new();
    let first = home.serve().await;
    let operator = ready(&home, &inbox).await;
    let mut accepted = Vec::new();
    for message in [notification(), code(), notification()] {
        accepted.push(operator.post("/v1/tenants/acme/messages", &message).await.expect(202));
    }
    first.kill();
    inbox.play(Script::new());

    let second = home.serve().await;
    let operator = home.operator().await;
    for message in &accepted {
        wait_for(&operator, message, "sent").await;
    }

    assert_eq!(inbox.received(), 3);
    assert_eq!(second.terminate().await, Some(0));
}

#[tokio::test]
async fn a_process_killed_after_the_dot_leaves_a_doubt_and_not_a_loss() {
    let script = Script::new().always_at(Step::Dot, Behaviour::Hang);
    let inbox = Inbox::start(InboxConfig {
        script,
        ..InboxConfig::default()
    })
    .await
    .unwrap();
    let home = Home::new();
    let first = home.serve().await;
    let operator = ready(&home, &inbox).await;
    let message = operator
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !inbox
        .commands()
        .iter()
        .any(|command| command.eq_ignore_ascii_case("data"))
    {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The dot follows the text at once; the mark is committed before it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    first.kill();
    inbox.play(Script::new());

    let _second = home.serve().await;
    let operator = home.operator().await;
    wait_for(&operator, &message, "outcome_unknown").await;
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_exits_0() {
    let script = Script::new().always_at(Step::Rcpt, Behaviour::Delay(Duration::from_millis(700)));
    let inbox = Inbox::start(InboxConfig {
        script,
        ..InboxConfig::default()
    })
    .await
    .unwrap();
    let home = Home::new();
    let serving = home.serve().await;
    let operator = ready(&home, &inbox).await;
    operator
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !inbox
        .commands()
        .iter()
        .any(|command| command.to_ascii_uppercase().starts_with("RCPT"))
    {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    assert_eq!(serving.terminate().await, Some(0));

    assert_eq!(inbox.received(), 1);
}
