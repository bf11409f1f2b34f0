//! Tenants over REST.

use reqwest::Method;
use serde_json::json;

use crate::support::service::{Service, notification};

#[tokio::test]
async fn a_tenant_is_made_read_by_id_and_slug_changed_and_deleted() {
    let service = Service::start().await;
    let operator = &service.operator;
    let made = operator
        .post(
            "/v1/tenants",
            &json!({ "slug": "acme", "name": "Acme", "edition": "cloud", "limits": { "max_queued": 10 } }),
        )
        .await;
    let tenant = made.expect(201);
    let id = tenant["id"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/v1/tenants/{id}"));
    assert_eq!(made.header("etag"), "\"1\"");
    assert_eq!(
        operator.get(&format!("/v1/tenants/{id}")).await.expect(200),
        operator.get("/v1/tenants/acme").await.expect(200)
    );

    let changed = operator
        .patch(
            "/v1/tenants/acme",
            &json!({ "limits": { "max_queued": null, "messages_per_day": 5 } }),
        )
        .await
        .expect(200);
    assert_eq!((&changed["name"], &changed["version"]), (&json!("Acme"), &json!(2)));
    assert_eq!(
        (&changed["limits"]["max_queued"], &changed["limits"]["messages_per_day"]),
        (&json!(null), &json!(5))
    );

    assert_eq!(operator.delete("/v1/tenants/acme").await.status, 204);
    operator.get("/v1/tenants/acme").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_tenants_weight_is_a_limit_from_1_to_100() {
    let service = Service::start().await;
    service.tenant("acme").await;
    let set = async |weight| {
        let change = json!({ "limits": { "weight": weight } });
        service.operator.patch("/v1/tenants/acme", &change).await
    };
    assert_eq!(set(json!(100)).await.expect(200)["limits"]["weight"], 100);
    assert_eq!(set(json!(null)).await.expect(200)["limits"]["weight"], json!(null));
    for outside in [0, 101] {
        let faults = set(json!(outside)).await.problem(422, "validation_failed");
        assert_eq!(faults, [("/limits/weight".to_owned(), "out_of_range".to_owned())]);
    }
}

#[tokio::test]
async fn a_stale_edit_is_refused_and_a_taken_slug_is_a_conflict() {
    let service = Service::start().await;
    service.tenant("acme").await;
    let operator = &service.operator;
    let stale = operator
        .request(Method::PATCH, "/v1/tenants/acme")
        .header("if-match", "\"7\"")
        .json(&json!({ "name": "X" }));
    operator.send(stale).await.problem(412, "precondition_failed");
    let again = json!({ "slug": "acme", "name": "Acme", "edition": "cloud" });
    operator.post("/v1/tenants", &again).await.problem(409, "conflict");
}

#[tokio::test]
async fn a_suspended_tenant_cannot_submit_and_keeps_what_waits() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let operator = &service.operator;
    operator
        .post("/v1/tenants/acme/suspend", &json!({}))
        .await
        .problem(422, "validation_failed");
    let suspended = operator
        .post("/v1/tenants/acme/suspend", &json!({ "reason": "Unpaid" }))
        .await
        .expect(200);
    assert_eq!(suspended["suspended"]["reason"], "Unpaid");
    admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .problem(403, "tenant_suspended");
    operator.post("/v1/tenants/acme/resume", &json!({})).await.expect(200);
    let message = admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    service.until(&message, "sent").await;
}

#[tokio::test]
async fn a_tenant_with_waiting_mail_is_deleted_only_by_purge() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let mut later = notification();
    later["send_at"] = json!("2999-01-01T00:00:00Z");
    admin
        .post("/v1/tenants/acme/messages", &later)
        .await
        .problem(422, "validation_failed");
    later["send_at"] = json!((service.clock.now() + std::time::Duration::from_hours(24)).to_rfc3339());
    let message = admin.post("/v1/tenants/acme/messages", &later).await.expect(202);
    assert_eq!(message["status"], "scheduled");
    service
        .operator
        .delete("/v1/tenants/acme")
        .await
        .problem(409, "conflict");
    assert_eq!(service.operator.delete("/v1/tenants/acme?purge=true").await.status, 204);
}
