//! A Cloud tenant brands its mail, and can touch nothing else.

use relay::inbox::InboxConfig;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::service::Service;

pub(super) const PATH: &str = "/v1/tenants/acme/email-settings";

pub(super) fn branding() -> Value {
    json!({ "from_email_address": "no-reply@acme.example", "from_email_name": "No Reply" })
}

#[tokio::test]
async fn a_new_cloud_tenant_can_send_at_once() {
    let service = Service::start().await;
    let settings = service.tenant("acme").await.get(PATH).await.expect(200);
    assert_eq!(settings["from_email_address"], "no-reply@acme.relay.example");
    assert_eq!(
        (&settings["configured"], &settings["edition"], &settings["version"]),
        (&json!(true), &json!("cloud"), &json!(1))
    );
    assert_eq!(
        settings["effective_from"],
        json!({ "header": "Acme <no-reply@acme.relay.example>", "reply_to": null, "reason": "fallback" })
    );
    let labels: Vec<_> = settings["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["From Email Address", "From Email Name"]);
}

#[tokio::test]
async fn validate_only_answers_alike_and_saves_nothing() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let checked = admin
        .put(&format!("{PATH}?validate_only=true"), &branding())
        .await
        .expect(200);
    assert_eq!(checked["effective_from"]["reply_to"], "no-reply@acme.example");
    assert_eq!(admin.get(PATH).await.expect(200)["version"], 1);

    let saved = admin.put(PATH, &branding()).await;
    assert_eq!(saved.expect(200)["effective_from"], checked["effective_from"]);
    assert_eq!(saved.header("etag"), "\"2\"");
    assert_eq!(
        admin.get(PATH).await.expect(200)["effective_from"]["header"],
        "No Reply via Letterhead <no-reply@acme.relay.example>"
    );
}

#[tokio::test]
async fn of_two_edits_based_on_one_version_the_second_is_told() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let edit = || {
        admin
            .request(Method::PUT, PATH)
            .header("if-match", "\"1\"")
            .json(&branding())
    };
    admin.send(edit()).await.expect(200);
    admin.send(edit()).await.problem(412, "precondition_failed");
    for odd in ["2", "\"2", "W/\"2\"", "\"x\""] {
        let request = admin
            .request(Method::PUT, PATH)
            .header("if-match", odd)
            .json(&branding());
        admin.send(request).await.problem(412, "precondition_failed");
    }
    let any = admin
        .request(Method::PUT, PATH)
        .header("if-match", "*")
        .json(&branding());
    admin.send(any).await.expect(200);
}

#[tokio::test]
async fn where_proof_is_not_asked_for_the_from_is_as_it_was_saved() {
    let service = Service::start_with(InboxConfig::default(), &[("LETTERHEAD_SENDER_VERIFICATION", "off")]).await;
    let admin = service.tenant("acme").await;
    let saved = admin.put(PATH, &branding()).await.expect(200);
    assert_eq!(
        saved["effective_from"],
        json!({ "header": "No Reply <no-reply@acme.example>", "reply_to": null, "reason": "verification_off" })
    );
}

#[tokio::test]
async fn an_on_premises_tenant_starts_unconfigured_and_cannot_submit() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let settings = admin.get("/v1/tenants/globex/email-settings").await.expect(200);
    assert_eq!(
        (&settings["configured"], &settings["version"]),
        (&json!(false), &json!(0))
    );
    let code = crate::support::service::code();
    admin
        .post("/v1/tenants/globex/messages", &code)
        .await
        .problem(409, "email_not_configured");
}
