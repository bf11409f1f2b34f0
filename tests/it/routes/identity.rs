//! Tokens: what one says, how long it counts, and which are refused.

use serde_json::json;

use crate::support::service::Service;

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
