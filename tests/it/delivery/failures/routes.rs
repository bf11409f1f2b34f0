//! A route that refuses or is dead costs no recipient the mail.

use std::time::Duration;

use relay::inbox::{Behaviour, InboxConfig, Script, Step};
use serde_json::json;

use super::PATH;
use crate::support::service::{Service, code, notification};

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
