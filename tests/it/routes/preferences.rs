//! A tenant's preferences: checked as a whole, replaced as a whole, for a Cloud tenant by the provider.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::service::Service;

const PATH: &str = "/v1/tenants/globex/preferences";

fn preferences() -> Value {
    json!({ "brand_name": "Globex", "accent_color": "#1A5FB4", "code_in_subject": false, "retention_days": 7,
            "on_outcome_unknown": "hold" })
}

fn chosen(body: &Value) -> Value {
    let fields = [
        "brand_name",
        "accent_color",
        "code_in_subject",
        "retention_days",
        "on_outcome_unknown",
    ];
    fields
        .iter()
        .map(|field| ((*field).to_owned(), body[field].clone()))
        .collect()
}

#[tokio::test]
async fn preferences_start_as_defaults_and_are_replaced_as_a_whole() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let defaults = json!({ "brand_name": null, "accent_color": null, "code_in_subject": true, "retention_days": 30,
                           "on_outcome_unknown": "resend" });
    let first = admin.get(PATH).await;
    assert_eq!(chosen(&first.expect(200)), defaults);
    assert_eq!(first.header("etag"), "\"0\"");

    let saved = admin.put(PATH, &preferences()).await;

    let mut expected = preferences();
    expected["accent_color"] = json!("#1a5fb4");
    assert_eq!(chosen(&saved.expect(200)), expected);
    assert_eq!(admin.get(PATH).await.expect(200), saved.json());
    let emptied = admin.put(PATH, &json!({})).await.expect(200);
    assert_eq!((chosen(&emptied), &emptied["version"]), (defaults, &json!(2)));
}

#[tokio::test]
async fn of_two_edits_based_on_one_version_the_second_is_told() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let edit = |version| {
        let request = admin.request(Method::PUT, PATH).header("if-match", version);
        admin.send(request.json(&preferences()))
    };
    edit("\"0\"").await.expect(200);
    edit("\"0\"").await.problem(412, "precondition_failed");
    edit("\"1\"").await.expect(200);
}

#[tokio::test]
async fn every_fault_of_the_preferences_is_listed() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let bad = json!({ "brand_name": "a@b", "accent_color": "red;}", "code_in_subject": "yes", "retention_days": 0,
                      "on_outcome_unknown": "panic", "colour": 1 });
    let faults = admin.put(PATH, &bad).await.problem(422, "validation_failed");
    let expected = [
        ("/accent_color", "invalid"),
        ("/brand_name", "invalid"),
        ("/code_in_subject", "invalid"),
        ("/colour", "unknown_field"),
        ("/on_outcome_unknown", "invalid"),
        ("/retention_days", "out_of_range"),
    ];
    assert_eq!(
        faults,
        expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
    let long = admin.put(PATH, &json!({ "retention_days": 3651 })).await;
    long.problem(422, "validation_failed");
}

#[tokio::test]
async fn a_cloud_tenants_preferences_are_written_by_the_provider_alone() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let path = "/v1/tenants/acme/preferences";
    admin.put(path, &preferences()).await.problem(403, "provider_managed");
    assert_eq!(admin.get(path).await.expect(200)["version"], 0);

    service.operator.put(path, &preferences()).await.expect(200);

    assert_eq!(admin.get(path).await.expect(200)["brand_name"], "Globex");
}
