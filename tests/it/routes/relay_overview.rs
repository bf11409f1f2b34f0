//! The relay at a glance, over REST.

use serde_json::{Value, json};

use crate::support::service::{PATIENCE, Service, notification};

const PATH: &str = "/v1/relay/overview";

#[tokio::test]
async fn the_overview_shows_the_pause_what_waits_the_routes_and_the_processes() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let operator = &service.operator;
    operator
        .post("/v1/relay/pause", &json!({ "reason": "Fire" }))
        .await
        .expect(200);
    admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);

    let overview = operator.get(PATH).await.expect(200);

    assert_eq!(overview["paused"]["reason"], "Fire");
    let depth = &overview["depth"];
    assert_eq!(
        depth["by_lane"],
        json!({ "urgent": 0, "interactive": 0, "background": 1 })
    );
    assert_eq!(
        depth["by_status"],
        json!({ "scheduled": 0, "queued": 1, "sending": 0, "deferred": 0, "outcome_unknown": 0 })
    );
    let tenant = &depth["by_tenant"][0];
    assert_eq!((&tenant["slug"], &tenant["waiting"]), (&json!("acme"), &json!(1)));
    assert!(overview["oldest_age_ms"]["background"].is_u64() && overview["oldest_age_ms"]["urgent"].is_null());
    assert_eq!(
        overview["throughput"],
        json!({ "accepted_last_minute": 1, "sent_last_minute": 0 })
    );
    let route = &overview["routes"][0];
    assert_eq!((&route["name"], &route["paused"]), (&json!("inbox"), &Value::Null));
    assert_eq!(overview["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_overview_is_counted_anew_after_a_moment() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let operator = &service.operator;
    let first = operator.get(PATH).await.expect(200);
    let message = admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    service.until(&message, "sent").await;

    let newer = async {
        loop {
            let overview = operator.get(PATH).await.expect(200);
            if overview["throughput"]["sent_last_minute"] == 1 {
                return overview;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let newer = tokio::time::timeout(PATIENCE, newer).await.unwrap();

    assert!(newer["as_of"].as_str() > first["as_of"].as_str());
}
