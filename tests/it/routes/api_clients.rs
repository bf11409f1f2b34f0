//! Clients of the API: new secrets for old ones, and the last one that may not go.

use domain::ids::{IdSource as _, TimeOrderedIds};
use serde_json::json;

use crate::support::{
    http::Client,
    service::{OPERATOR_SECRET, Service},
};

#[tokio::test]
async fn a_rotated_secret_overlaps_with_the_old_one_and_a_deleted_client_gets_no_token() {
    let service = Service::start().await;
    service.tenant("acme").await;
    let path = "/v1/tenants/acme/api-clients";
    let made = service
        .operator
        .post(path, &json!({ "name": "web", "roles": ["sender"] }))
        .await
        .expect(201);
    let (id, client) = (made["id"].as_str().unwrap(), made["client_id"].as_str().unwrap());
    let old = made["client_secret"].as_str().unwrap();
    let rotated = service
        .operator
        .post(&format!("{path}/{id}/rotate"), &json!({}))
        .await
        .expect(200);
    let new = rotated["client_secret"].as_str().unwrap();
    assert_ne!(old, new);
    Client::of_client(service.address, client, old).await;
    Client::of_client(service.address, client, new).await;
    service.clock.advance(std::time::Duration::from_hours(1));
    let form = |secret| {
        [
            ("grant_type", "client_credentials"),
            ("client_id", client),
            ("client_secret", secret),
        ]
    };
    service.nobody().token_request(&form(old)).await.expect(401);

    let operator = Client::of_client(service.address, "ops", OPERATOR_SECRET).await;
    assert!(!operator.get(path).await.text.contains("client_secret"));
    assert_eq!(operator.delete(&format!("{path}/{id}")).await.status, 204);
    service.nobody().token_request(&form(new)).await.expect(401);
}

#[tokio::test]
async fn the_last_operator_client_stays() {
    let service = Service::start().await;
    let path = "/v1/operator/api-clients";
    let only = service.operator.get(path).await.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    service
        .operator
        .delete(&format!("{path}/{only}"))
        .await
        .problem(409, "conflict");
    let second = service
        .operator
        .post(path, &json!({ "name": "night shift" }))
        .await
        .expect(201);
    assert_eq!(second["roles"], json!(["operator"]));
    assert_eq!(service.operator.delete(&format!("{path}/{only}")).await.status, 204);
    let missing = format!("{path}/{}", TimeOrderedIds.next());
    service.operator.delete(&missing).await.problem(404, "not_found");
}
