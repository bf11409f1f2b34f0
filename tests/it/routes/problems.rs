//! Every failure is a problem, with its code and the request's id.

use reqwest::Method;
use serde_json::json;

use crate::support::service::{Service, code};

#[tokio::test]
async fn unknown_paths_wrong_methods_and_bad_bodies_are_problems() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let operator = &service.operator;
    service.nobody().get("/nowhere").await.problem(404, "not_found");
    operator.get("/v1/nowhere").await.problem(404, "not_found");
    let wrong = operator.delete("/v1/tenants").await;
    wrong.problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET, POST");
    operator
        .get("/v1/tenants/acme/messages/batch")
        .await
        .problem(405, "method_not_allowed");
    let raw = |kind: &'static str, body: &'static str| {
        operator.send(
            operator
                .request(Method::POST, "/v1/tenants")
                .header("content-type", kind)
                .body(body),
        )
    };
    raw("application/json", "{not json").await.problem(400, "invalid_json");
    raw("application/json", "").await.problem(400, "invalid_json");
    raw("text/plain", "{}").await.problem(415, "unsupported_media_type");
    raw("application/json", "[]").await.problem(422, "validation_failed");
    let compressed = operator
        .request(Method::POST, "/v1/tenants")
        .header("content-encoding", "gzip")
        .json(&json!({}));
    operator.send(compressed).await.problem(415, "unsupported_media_type");
    let large = json!({ "slug": "x".repeat(70_000) });
    operator
        .post("/v1/tenants", &large)
        .await
        .problem(413, "payload_too_large");
    admin
        .put(
            "/v1/tenants/acme/email-settings",
            &json!({ "from_email_name": "x".repeat(70_000) }),
        )
        .await
        .problem(413, "payload_too_large");
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    operator
        .send(
            operator
                .request(Method::POST, "/v1/tenants")
                .header("content-type", "application/json")
                .body(deep),
        )
        .await
        .problem(400, "invalid_json");
}

#[tokio::test]
async fn every_fault_of_a_body_is_listed() {
    let service = Service::start().await;
    let bad = json!({ "slug": "Not A Slug", "edition": "desktop", "limits": { "max_queued": -1, "colour": "red" }, "extra": 1 });
    let faults = service
        .operator
        .post("/v1/tenants", &bad)
        .await
        .problem(422, "validation_failed");
    let expected = [
        ("/edition", "invalid"),
        ("/extra", "unknown_field"),
        ("/limits/colour", "unknown_field"),
        ("/limits/max_queued", "out_of_range"),
        ("/name", "required"),
        ("/slug", "invalid"),
    ];
    assert_eq!(
        faults,
        expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
}

#[tokio::test]
async fn authorization_comes_before_validation() {
    let service = Service::start().await;
    service.tenant("acme").await;
    let sender = service.client("acme", "sender").await;
    sender
        .put("/v1/tenants/acme/email-settings", &json!({ "nonsense": true }))
        .await
        .problem(403, "forbidden");
    service
        .nobody()
        .post("/v1/tenants", &json!({}))
        .await
        .problem(401, "unauthenticated");
    sender.get("/v1/tenants?limit=0").await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_another_is_replaced() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let with = |id: &'static str| nobody.send(nobody.request(Method::GET, "/nowhere").header("x-request-id", id));
    assert_eq!(with("trace-42").await.header("x-request-id"), "trace-42");
    let replaced = with("<script>").await;
    assert_eq!(replaced.header("x-request-id").len(), 36);
    replaced.problem(404, "not_found");
}

#[tokio::test]
async fn query_parameters_are_checked_like_bodies() {
    let service = Service::start().await;
    let faults = service
        .operator
        .get("/v1/tenants?limit=0&cursor=x&page=2")
        .await
        .problem(422, "validation_failed");
    let expected = [
        ("/cursor", "invalid"),
        ("/limit", "out_of_range"),
        ("/page", "unknown_field"),
    ];
    assert_eq!(
        faults,
        expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
}

#[tokio::test]
async fn a_message_lists_the_faults_of_its_envelope_and_of_its_data() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let mut bad = code();
    bad["to"] = json!([{ "email": "nobody" }, { "email": "a@b.example", "name": "x@y" }]);
    bad["data"] = json!({ "code": "1", "expires_in_minutes": 999, "colour": "red" });
    bad["locale"] = json!("!");
    bad["expires_at"] = json!("tomorrow");
    let faults = admin
        .post("/v1/tenants/acme/messages", &bad)
        .await
        .problem(422, "validation_failed");
    let pointers: Vec<_> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/data/code",
            "/data/colour",
            "/data/expires_in_minutes",
            "/expires_at",
            "/locale",
            "/to/0/email",
            "/to/1/name"
        ]
    );
}
