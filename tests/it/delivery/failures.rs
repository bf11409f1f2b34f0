//! What a failing next server does to a message, and what it never does.

use std::time::Duration;

use relay::inbox::{Behaviour, InboxConfig, Script, Step};
use serde_json::{Value, json};

use crate::support::service::{Service, code, notification};

const PATH: &str = "/v1/tenants/acme/messages";

async fn scripted(step: Step, behaviour: Behaviour) -> Service {
    let script = Script::new().at(step, [behaviour]);
    Service::start_with(
        InboxConfig {
            script,
            ..InboxConfig::default()
        },
        &[],
    )
    .await
}

#[tokio::test]
async fn a_code_that_is_deferred_goes_again_within_seconds() {
    let service = scripted(Step::Rcpt, Behaviour::Reply("452 4.3.1 Out of storage".into())).await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &code()).await.expect(202);
    let deferred = service.until(&message, "deferred").await;
    assert_eq!(
        deferred["deliveries"][0]["last_error"],
        "rcpt_to: 452 4.3.1 Out of storage"
    );

    let service = service.later(Duration::from_secs(7)).await;

    let sent = service.until(&message, "sent").await;
    assert_eq!(sent["deliveries"][0]["attempts"], 2);
}

#[tokio::test]
async fn a_greylisted_notification_waits_five_minutes() {
    let service = scripted(Step::Rcpt, Behaviour::Reply("451 4.7.1 Greylisted, come back".into())).await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &notification()).await.expect(202);
    service.until(&message, "deferred").await;
    let service = service.later(Duration::from_secs(200)).await;
    assert_eq!(
        service
            .operator
            .get(&format!("{PATH}/{}", message["id"].as_str().unwrap()))
            .await
            .json()["status"],
        "deferred"
    );
    let service = service.later(Duration::from_mins(3)).await;
    service.until(&message, "sent").await;
}

#[tokio::test]
async fn an_unknown_recipient_bounces_with_the_servers_words_and_can_be_retried() {
    let service = scripted(Step::Rcpt, Behaviour::Reply("550 5.1.1 No such user here".into())).await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &notification()).await.expect(202);
    let bounced = service.until(&message, "bounced").await;
    assert_eq!(
        bounced["deliveries"][0]["last_error"],
        "rcpt_to: 550 5.1.1 No such user here"
    );
    let path = format!("{PATH}/{}/retry", message["id"].as_str().unwrap());
    admin.post(&path, &json!({})).await.expect(200);
    service.until(&message, "sent").await;
}

#[tokio::test]
async fn one_refused_recipient_costs_no_other_the_mail() {
    let service = scripted(Step::Rcpt, Behaviour::Reply("550 5.1.1 No such user".into())).await;
    let admin = service.tenant("acme").await;
    let mut two = notification();
    two["to"] = json!([{ "email": "a@acme.example" }, { "email": "b@acme.example" }]);
    let message = admin.post(PATH, &two).await.expect(202);
    let mixed = service.until(&message, "mixed").await;
    let mixed = if statuses(&mixed) == ["bounced", "sent"] {
        mixed
    } else {
        settled(&service, &message).await
    };
    assert_eq!(statuses(&mixed), ["bounced", "sent"]);
}

async fn settled(service: &Service, message: &Value) -> Value {
    let path = format!("{PATH}/{}", message["id"].as_str().unwrap());
    for _ in 0..500 {
        let found = service.operator.get(&path).await.expect(200);
        if statuses(&found) == ["bounced", "sent"] {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.operator.get(&path).await.expect(200)
}

fn statuses(message: &Value) -> Vec<&str> {
    let mut found: Vec<_> = message["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| delivery["status"].as_str().unwrap())
        .collect();
    found.sort_unstable();
    found
}

#[tokio::test]
async fn a_refusal_of_the_relay_itself_holds_the_mail_and_bounces_nobody() {
    let script = Script::new().always_at(Step::Mail, Behaviour::Reply("550 5.7.1 Sender not allowed".into()));
    let service = Service::start_with(
        InboxConfig {
            script,
            ..InboxConfig::default()
        },
        &[],
    )
    .await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &notification()).await.expect(202);
    let path = format!("{PATH}/{}", message["id"].as_str().unwrap());
    for _ in 0..500 {
        if service.operator.get(&path).await.expect(200)["deliveries"][0]["held_by"] == "configuration" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let held = service.operator.get(&path).await.expect(200);
    assert_eq!(
        (&held["status"], &held["deliveries"][0]["held_by"]),
        (&json!("queued"), &json!("configuration"))
    );

    // Mending the route lets it go at once.
    service.inbox.play(Script::new());
    let route = service.operator.get("/v1/relay/routes").await.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    service
        .operator
        .patch(&format!("/v1/relay/routes/{route}"), &json!({ "weight": 2 }))
        .await
        .expect(200);
    service.until(&message, "sent").await;
}

#[tokio::test]
async fn a_connection_lost_after_the_dot_is_a_doubt_and_not_a_second_mail() {
    let script = Script::new().always_at(Step::Dot, Behaviour::AcceptThenDrop);
    let service = Service::start_with(
        InboxConfig {
            script,
            ..InboxConfig::default()
        },
        &[],
    )
    .await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &notification()).await.expect(202);
    let doubt = service.until(&message, "outcome_unknown").await;
    assert!(doubt["deliveries"][0]["next_attempt_at"].is_string());
    assert_eq!(service.inbox.received(), 1);
}

#[tokio::test]
async fn with_a_dead_route_mail_takes_the_other() {
    let service = Service::start().await;
    let dead = service.operator.get("/v1/relay/routes").await.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let nobody_listens = {
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
    };
    let change = json!({ "port": nobody_listens.port(), "priority": -10 });
    service
        .operator
        .patch(&format!("/v1/relay/routes/{dead}"), &change)
        .await
        .expect(200);
    service.add_route("second", service.inbox.addr()).await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &code()).await.expect(202);
    let sent = service.until(&message, "sent").await;
    assert_eq!(sent["deliveries"][0]["attempts"], 1);
}

#[tokio::test]
async fn what_cannot_be_sent_in_time_expires() {
    let script = Script::new().always_at(Step::Rcpt, Behaviour::Reply("452 4.3.1 Out of storage".into()));
    let service = Service::start_with(
        InboxConfig {
            script,
            ..InboxConfig::default()
        },
        &[],
    )
    .await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &code()).await.expect(202);
    service.until(&message, "deferred").await;
    let service = service.later(Duration::from_mins(11)).await;
    service.until(&message, "expired").await;
    assert_eq!(service.inbox.received(), 0);
}
