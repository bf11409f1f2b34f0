//! The relay stopped and started over REST.

use serde_json::json;

use crate::support::service::{Service, notification};

#[tokio::test]
async fn a_paused_relay_accepts_says_why_mail_waits_and_sends_it_when_resumed() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let operator = &service.operator;
    let paused = operator
        .post("/v1/relay/pause", &json!({ "reason": "Fire" }))
        .await
        .expect(200);
    assert_eq!(paused["paused"]["reason"], "Fire");

    let message = admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    let path = format!("/v1/tenants/acme/messages/{}/explain", message["id"].as_str().unwrap());
    let waiting = admin.get(&path).await.expect(200);
    let delivery = &waiting["deliveries"][0];
    assert_eq!(
        (&delivery["status"], &delivery["held_by"], &delivery["why"]),
        (
            &json!("queued"),
            &json!("relay_paused"),
            &json!("An operator has paused the relay.")
        )
    );

    for _ in 0..2 {
        let resumed = operator.post("/v1/relay/resume", &json!({})).await.expect(200);
        assert_eq!(resumed["paused"], json!(null));
    }
    service.until(&message, "sent").await;
}

#[tokio::test]
async fn a_pause_needs_a_reason() {
    let service = Service::start().await;
    for (body, code) in [
        (json!({}), "required"),
        (json!({ "reason": "" }), "required"),
        (json!({ "reason": "x".repeat(501) }), "too_long"),
    ] {
        let faults = service
            .operator
            .post("/v1/relay/pause", &body)
            .await
            .problem(422, "validation_failed");
        assert_eq!(faults, [("/reason".to_owned(), code.to_owned())]);
    }
}
