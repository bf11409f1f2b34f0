//! A tenant's limits at submission.

use serde_json::{Value, json};

use crate::support::{
    http::{Answer, Client},
    service::{Service, notification},
};

async fn limited(service: &Service, limits: Value) -> Client {
    let sender = service.tenant("acme").await;
    let change = json!({ "limits": limits });
    service.operator.patch("/v1/tenants/acme", &change).await.expect(200);
    sender
}

async fn submit(sender: &Client) -> Answer {
    sender.post("/v1/tenants/acme/messages", &notification()).await
}

fn seconds(answer: &Answer) -> u32 {
    answer.header("retry-after").parse().unwrap()
}

#[tokio::test]
async fn a_queue_that_is_full_is_told_and_takes_more_once_it_has_room() {
    let service = Service::start().await;
    let sender = limited(&service, json!({ "max_queued": 2 })).await;
    let pause = json!({ "reason": "maintenance" });
    service.operator.post("/v1/relay/pause", &pause).await.expect(200);
    submit(&sender).await.expect(202);
    let second = submit(&sender).await.expect(202);

    let refused = submit(&sender).await;
    refused.problem(429, "quota_exceeded");
    assert_eq!(seconds(&refused), 10);
    assert!(refused.json()["detail"].as_str().unwrap().contains("max_queued"));

    let path = format!("/v1/tenants/acme/messages/{}/cancel", second["id"].as_str().unwrap());
    sender.post(&path, &json!({})).await.expect(200);
    submit(&sender).await.expect(202);
    submit(&sender).await.problem(429, "quota_exceeded");
}

#[tokio::test]
async fn the_messages_of_a_day_are_counted_and_a_refused_one_is_not() {
    let service = Service::start().await;
    let sender = limited(&service, json!({ "messages_per_day": 2 })).await;
    sender
        .post("/v1/tenants/acme/messages", &json!({}))
        .await
        .problem(422, "validation_failed");
    submit(&sender).await.expect(202);
    let batch = json!({ "messages": [notification(), notification()] });
    sender
        .post("/v1/tenants/acme/messages/batch", &batch)
        .await
        .problem(429, "quota_exceeded");
    let key = ("idempotency-key", "monday");
    sender
        .post_with("/v1/tenants/acme/messages", key, &notification())
        .await
        .expect(202);
    let refused = sender
        .post_with(
            "/v1/tenants/acme/messages",
            ("idempotency-key", "late"),
            &notification(),
        )
        .await;
    refused.problem(429, "quota_exceeded");
    assert!((1..=86_400).contains(&seconds(&refused)));

    // The next day there is room again, also for the key that was refused.
    let service = service.later(std::time::Duration::from_hours(24)).await;
    let sender = service.client("acme", "sender").await;
    sender
        .post_with(
            "/v1/tenants/acme/messages",
            ("idempotency-key", "late"),
            &notification(),
        )
        .await
        .expect(202);
}

#[tokio::test]
async fn a_rate_a_minute_is_kept_and_says_when_to_come_back() {
    let service = Service::start().await;
    let sender = limited(&service, json!({ "messages_per_minute": 2 })).await;
    submit(&sender).await.expect(202);
    submit(&sender).await.expect(202);
    let refused = submit(&sender).await;
    refused.problem(429, "rate_limited");
    assert!((1..=30).contains(&seconds(&refused)));
}
