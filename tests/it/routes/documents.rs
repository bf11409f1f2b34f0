//! The service's own description, health and metrics.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::service::{Service, notification};

#[tokio::test]
async fn the_served_document_is_the_generated_one_and_its_operation_ids_are_unique() {
    let service = Service::start().await;
    let document = service.nobody().get("/openapi.json").await.expect(200);
    assert_eq!(
        document["openapi"].as_str().map(|version| version.starts_with("3.1")),
        Some(true)
    );
    let operations: Vec<&Value> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .collect();
    let ids: BTreeSet<_> = operations
        .iter()
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), operations.len());
    for operation in operations {
        let id = &operation["operationId"];
        assert!(
            operation["summary"].is_string() || operation["description"].is_string(),
            "{id} has no description"
        );
        assert!(
            operation["responses"]
                .as_object()
                .unwrap()
                .keys()
                .any(|status| status.starts_with('4')),
            "{id} has no 4xx"
        );
        assert!(operation["security"].is_array(), "{id} says nothing of security");
    }
}

#[tokio::test]
async fn the_browsable_description_needs_no_other_host() {
    let service = Service::start().await;
    let nobody = service.nobody();
    assert_eq!(nobody.get("/docs").await.header("location"), "/docs/");
    let page = nobody.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(
        !page.text.contains("https://") && !page.text.contains("src=\"//"),
        "{}",
        page.text
    );
    assert!(nobody.get("/").await.text.contains("Letterhead"));
}

#[tokio::test]
async fn health_readiness_and_metrics_are_served() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let message = admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    service.until(&message, "sent").await;
    let nobody = service.nobody();
    assert_eq!(nobody.get("/healthz").await.expect(200)["status"], "ok");
    assert_eq!(nobody.get("/readyz").await.expect(200)["relay"], "ok");
    let internal = crate::support::http::Client::nobody(service.internal());
    assert_eq!(internal.get("/readyz").await.expect(200)["status"], "ready");
    let metrics = internal.get("/metrics").await;
    assert!(metrics.text.contains("letterhead_attempts_total{"), "{}", metrics.text);
    let nodes = service.operator.get("/v1/relay/nodes").await.expect(200);
    assert_eq!(nodes["items"].as_array().unwrap().len(), 1);
    service.stop().await;
}
