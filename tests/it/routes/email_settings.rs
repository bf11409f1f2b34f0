//! A Cloud tenant brands its mail, and can touch nothing else.

use relay::inbox::InboxConfig;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::service::Service;

const PATH: &str = "/v1/tenants/acme/email-settings";

fn branding() -> Value {
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
async fn naming_any_part_of_a_connection_is_refused_with_an_entry_for_each_and_changes_nothing() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let fields = [
        "send_email_method",
        "smtp",
        "o365",
        "email_server",
        "port",
        "username",
        "password",
        "security",
        "send_email_application_secret_id",
    ];
    let mut body = branding();
    for field in fields {
        body[field] = json!("x");
    }
    let mut expected: Vec<_> = fields
        .iter()
        .map(|field| (format!("/{field}"), "provider_managed".to_owned()))
        .collect();
    expected.sort();
    assert_eq!(admin.put(PATH, &body).await.problem(403, "provider_managed"), expected);
    let one = json!({ "smtp": { "email_server": "smtp.evil.example" } });
    assert_eq!(
        admin.put(PATH, &one).await.problem(403, "provider_managed"),
        [("/smtp".to_owned(), "provider_managed".to_owned())]
    );
    assert_eq!(admin.get(PATH).await.expect(200)["version"], 1);
}

#[tokio::test]
async fn unknown_and_wrong_fields_are_all_named() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let bad = json!({ "from_email_address": "nobody", "from_email_name": "ceo@acme", "verified": true });
    let faults = admin.put(PATH, &bad).await.problem(422, "validation_failed");
    let expected = [
        ("/from_email_address", "invalid"),
        ("/from_email_name", "invalid"),
        ("/verified", "unknown_field"),
    ];
    assert_eq!(
        faults,
        expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
}

#[tokio::test]
async fn where_proof_is_required_an_unverified_from_cannot_be_saved() {
    let service = Service::start_with(InboxConfig::default(), &[("LETTERHEAD_SENDER_VERIFICATION", "require")]).await;
    let admin = service.tenant("acme").await;
    let faults = admin.put(PATH, &branding()).await.problem(422, "validation_failed");
    assert_eq!(
        faults,
        [("/from_email_address".to_owned(), "sender_domain_unverified".to_owned())]
    );
    let own = json!({ "from_email_address": "no-reply@acme.relay.example", "from_email_name": "Vault" });
    admin.put(PATH, &own).await.expect(200);
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
