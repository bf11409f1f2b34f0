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

#[tokio::test]
async fn nul_and_other_controls_are_answered_and_never_reach_the_database() {
    let service = Service::start().await;
    service.tenant("acme").await;
    let operator = &service.operator;
    operator.get("/v1/tenants/%00").await.problem(404, "not_found");
    operator
        .post("/v1/tenants/acme/suspend", &json!({ "reason": "a\u{0}b" }))
        .await
        .problem(422, "validation_failed");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "a\0b"),
        ("client_secret", "x"),
    ];
    service.nobody().token_request(&form).await.expect(401);
    let mut message = code();
    message["metadata"] = json!({ "a\u{0}": "b\u{0}" });
    let accepted = operator.post("/v1/tenants/acme/messages", &message).await.expect(202);
    assert_eq!(accepted["metadata"], message["metadata"]);
}

#[tokio::test]
async fn a_merge_patch_may_say_that_it_is_one_and_cannot_remove_what_is_required() {
    let service = Service::start().await;
    service.tenant("acme").await;
    let operator = &service.operator;
    let patch = |body: &'static str| {
        operator
            .request(Method::PATCH, "/v1/tenants/acme")
            .header("content-type", "application/merge-patch+json")
            .body(body)
    };
    assert_eq!(
        operator.send(patch(r#"{"name":"Renamed"}"#)).await.expect(200)["name"],
        "Renamed"
    );
    let faults = operator
        .send(patch(r#"{"name":null}"#))
        .await
        .problem(422, "validation_failed");
    assert_eq!(faults, [("/name".to_owned(), "required".to_owned())]);
    let post = operator
        .request(Method::POST, "/v1/tenants")
        .header("content-type", "application/merge-patch+json")
        .body("{}");
    operator.send(post).await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn below_v1_a_token_comes_first_also_where_nothing_is() {
    let service = Service::start().await;
    service
        .nobody()
        .get("/v1/nowhere")
        .await
        .problem(401, "unauthenticated");
    service
        .nobody()
        .delete("/v1/tenants")
        .await
        .problem(401, "unauthenticated");
    service.operator.get("/v1/nowhere").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_body_with_a_name_twice_is_refused() {
    let service = Service::start().await;
    let operator = &service.operator;
    let twice = r#"{"slug":"acme","slug":"globex","name":"A","edition":"cloud"}"#;
    let request = operator
        .request(Method::POST, "/v1/tenants")
        .header("content-type", "application/json")
        .body(twice);
    operator.send(request).await.problem(400, "invalid_json");
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let head = nobody.send(nobody.request(Method::HEAD, "/healthz")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn metadata_of_another_type_is_named_and_not_dropped() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let mut message = code();
    message["metadata"] = json!({ "a": 1, "b": "x", "c": null });
    let faults = admin
        .post("/v1/tenants/acme/messages", &message)
        .await
        .problem(422, "validation_failed");
    let expected = [("/metadata/a", "invalid"), ("/metadata/c", "invalid")];
    assert_eq!(
        faults,
        expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
}
