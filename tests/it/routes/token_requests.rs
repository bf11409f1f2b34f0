//! Asking for a token: how it can be done, and each error of RFC 6749.

use reqwest::Method;

use crate::support::service::{OPERATOR_SECRET, Service};

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
