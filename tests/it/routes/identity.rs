//! Tokens: who gets one, what it says, and who is refused.

use domain::ids::{IdSource as _, TimeOrderedIds};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    http::Client,
    service::{OPERATOR_SECRET, Service},
};

#[tokio::test]
async fn a_client_gets_a_token_by_form_and_by_basic_and_never_by_both() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let form = [("grant_type", "client_credentials")];
    let basic = nobody
        .request(Method::POST, "/oauth2/token")
        .basic_auth("ops", Some(OPERATOR_SECRET))
        .form(&form);
    let answer = nobody.send(basic).await;
    let body = answer.expect(200);
    assert_eq!(
        (
            body["token_type"].as_str(),
            body["expires_in"].as_u64(),
            body["scope"].as_str()
        ),
        (Some("Bearer"), Some(900), Some("operator"))
    );
    assert_eq!(answer.header("cache-control"), "no-store");

    let both = [
        ("grant_type", "client_credentials"),
        ("client_id", "ops"),
        ("client_secret", OPERATOR_SECRET),
    ];
    let twice = nobody
        .request(Method::POST, "/oauth2/token")
        .basic_auth("ops", Some(OPERATOR_SECRET))
        .form(&both);
    assert_eq!(nobody.send(twice).await.expect(400)["error"], "invalid_request");
}

#[tokio::test]
async fn token_errors_are_those_of_rfc_6749() {
    let service = Service::start().await;
    let nobody = service.nobody();
    let ask = async |form: &[(&str, &str)]| nobody.token_request(form).await;
    let wrong = ask(&[
        ("grant_type", "client_credentials"),
        ("client_id", "ops"),
        ("client_secret", "wrong"),
    ])
    .await;
    assert_eq!(wrong.expect(401)["error"], "invalid_client");
    assert!(wrong.header("www-authenticate").starts_with("Basic"));
    let unknown = ask(&[
        ("grant_type", "client_credentials"),
        ("client_id", "nobody"),
        ("client_secret", "x"),
    ])
    .await;
    assert_eq!((unknown.status, unknown.text), (wrong.status, wrong.text));
    assert_eq!(
        ask(&[("grant_type", "password")]).await.expect(400)["error"],
        "unsupported_grant_type"
    );
    assert_eq!(
        ask(&[("client_id", "ops")]).await.expect(400)["error"],
        "invalid_request"
    );
    let wide = [
        ("grant_type", "client_credentials"),
        ("client_id", "ops"),
        ("client_secret", OPERATOR_SECRET),
        ("scope", "tenant_admin"),
    ];
    assert_eq!(ask(&wide).await.expect(400)["error"], "invalid_scope");
}

#[tokio::test]
async fn a_token_says_whose_it_is_and_its_key_is_published() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let me = admin.get("/v1/me").await.expect(200);
    assert_eq!(me["roles"], json!(["tenant_admin"]));
    assert!(me["tenant"].is_string());
    let keys = service.nobody().get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert_eq!(keys["keys"][0]["x"].as_str().unwrap().len(), 43);
    let metadata = service
        .nobody()
        .get("/.well-known/oauth-authorization-server")
        .await
        .expect(200);
    assert_eq!(
        metadata["token_endpoint"],
        format!("http://{}/oauth2/token", service.address)
    );
}

#[tokio::test]
async fn tokens_that_do_not_count_are_all_refused_alike() {
    let service = Service::start().await;
    let good = service.operator.token.clone().unwrap();
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIn0";
    for forged in [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}.{claims}."),
        format!("{head}.{claims}.{}", signature.chars().rev().collect::<String>()),
        format!("{head}.{}.{signature}", claims.replace('A', "B")),
        "x".to_owned(),
        String::new(),
        "..".to_owned(),
    ] {
        let answer = service.nobody().with_token(&forged).get("/v1/me").await;
        answer.problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let service = Service::start().await;
    service.clock.advance(std::time::Duration::from_secs(900 + 29));
    service.operator.get("/v1/me").await.expect(200);
    service.clock.advance(std::time::Duration::from_secs(3));
    service.operator.get("/v1/me").await.problem(401, "unauthenticated");
}

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
