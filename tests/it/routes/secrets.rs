//! An on-premises tenant's vault: written, never read, bound to where it would be sent, and none of it for a Cloud tenant.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{http::Client, service::Service};

const PATH: &str = "/v1/tenants/globex/secrets";
const CLIENT_SECRET: &str = "canary-client-secret";

/// A complete secret.
pub(super) fn graph_mailer() -> Value {
    json!({ "name": "Graph mailer", "template": "azure_application", "expires_at": null,
            "fields": { "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e", "client_secret": CLIENT_SECRET,
                        "tenant_id": "72f988bf-86f1-41af-91ab-2d7cd011db47" } })
}

/// The same with one field of the template changed, or taken away by null.
fn with_field(name: &str, value: Value) -> Value {
    let mut secret = graph_mailer();
    secret["fields"][name] = value;
    secret
}

fn without_client_secret(mut secret: Value) -> Value {
    secret["fields"].as_object_mut().unwrap().remove("client_secret");
    secret
}

async fn made(admin: &Client) -> String {
    let secret = admin.post(PATH, &graph_mailer()).await.expect(201);
    format!("{PATH}/{}", secret["id"].as_str().unwrap())
}

fn owned(faults: &[(&str, &str)]) -> Vec<(String, String)> {
    faults
        .iter()
        .map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_secret_is_made_and_read_without_what_is_secret_in_it() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;

    let answer = admin.post(PATH, &graph_mailer()).await;

    let secret = answer.expect(201);
    let fields = json!({ "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e",
                         "tenant_id": "72f988bf-86f1-41af-91ab-2d7cd011db47" });
    assert_eq!(secret["fields"], fields);
    assert_eq!(
        (&secret["name"], &secret["client_secret_set"]),
        (&json!("Graph mailer"), &json!(true))
    );
    assert_eq!(answer.header("etag"), "\"1\"");
    let location = answer.header("location");
    assert!(location.ends_with(secret["id"].as_str().unwrap()), "{location}");
    assert_eq!(admin.get(location).await.expect(200), secret);
    let list = admin.get(PATH).await;
    assert_eq!(list.expect(200)["items"], json!([secret]));
    assert!(!answer.text.contains("canary") && !list.text.contains("canary"));
}

#[tokio::test]
async fn every_fault_of_a_secret_is_listed_and_none_repeats_it() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let bad = json!({ "name": "", "template": "password", "expires_at": "soon", "colour": 1,
                      "fields": { "client_id": "canary", "client_secret": "canary\u{7}", "tenant_id": "common", "x": 1 } });
    let answer = admin.post(PATH, &bad).await;
    let expected = owned(&[
        ("/colour", "unknown_field"),
        ("/expires_at", "invalid"),
        ("/fields/client_id", "invalid"),
        ("/fields/client_secret", "invalid"),
        ("/fields/tenant_id", "invalid"),
        ("/fields/x", "unknown_field"),
        ("/name", "required"),
        ("/template", "invalid"),
    ]);
    assert_eq!(answer.problem(422, "validation_failed"), expected);
    assert!(!answer.text.contains("canary"));
    let empty = admin.post(PATH, &json!({ "fields": {} })).await;
    let expected = owned(&[
        ("/fields/client_id", "required"),
        ("/fields/client_secret", "required"),
        ("/fields/tenant_id", "required"),
        ("/name", "required"),
        ("/template", "required"),
    ]);
    assert_eq!(empty.problem(422, "validation_failed"), expected);
    assert_eq!(admin.get(PATH).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_stored_client_secret_stays_only_with_the_registration_it_was_given_for() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = made(&admin).await;
    let mut renamed = without_client_secret(graph_mailer());
    renamed["name"] = json!("Mailer");
    // The same registration in another spelling.
    renamed["fields"]["client_id"] = json!("6731DE76-14A6-49AE-97BC-6EBA6914391E");
    let kept = admin.put(&path, &renamed).await.expect(200);
    assert_eq!(
        (&kept["client_secret_set"], &kept["version"], &kept["name"]),
        (&json!(true), &json!(2), &json!("Mailer"))
    );
    for (field, value) in [
        ("client_id", "00000000-14a6-49ae-97bc-6eba6914391e"),
        ("tenant_id", "evil.example"),
    ] {
        let mut moved = without_client_secret(with_field(field, json!(value)));
        moved["name"] = json!("");

        let faults = admin.put(&path, &moved).await.problem(422, "validation_failed");

        let expected = owned(&[("/fields/client_secret", "password_required"), ("/name", "required")]);
        assert_eq!(faults, expected);
        assert_eq!(admin.get(&path).await.expect(200), kept);
    }
    let moved = admin
        .put(&path, &with_field("tenant_id", json!("globex.example")))
        .await;
    assert_eq!(moved.expect(200)["fields"]["tenant_id"], "globex.example");
}

#[tokio::test]
async fn a_client_secret_can_be_taken_away_and_is_then_free_to_move() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = made(&admin).await;
    let emptied = admin.put(&path, &with_field("client_secret", json!(null))).await;
    assert_eq!(emptied.expect(200)["client_secret_set"], false);
    let moved = without_client_secret(with_field("tenant_id", json!("contoso.onmicrosoft.com")));
    let moved = admin.put(&path, &moved).await.expect(200);
    assert_eq!(
        (&moved["client_secret_set"], &moved["client_secret_set_at"]),
        (&json!(false), &json!(null))
    );
}

#[tokio::test]
async fn of_two_edits_based_on_one_version_the_second_is_told() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = made(&admin).await;
    let edit = || {
        let request = admin.request(Method::PUT, &path).header("if-match", "\"1\"");
        admin.send(request.json(&graph_mailer()))
    };
    let saved = edit().await;
    saved.expect(200);
    assert_eq!(saved.header("etag"), "\"2\"");
    edit().await.problem(412, "precondition_failed");
}

#[tokio::test]
async fn an_expiry_is_reported_before_and_after_it() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let mut secret = graph_mailer();
    let until = service.clock.now() + Duration::from_hours(49);
    secret["expires_at"] = json!(until.to_rfc3339());
    let made = admin.post(PATH, &secret).await.expect(201);
    assert_eq!((&made["expires_in_days"], &made["expired"]), (&json!(2), &json!(false)));

    let service = service.later(Duration::from_hours(50)).await;

    let ended = service.operator.get(PATH).await.expect(200)["items"][0].clone();
    assert_eq!(
        (&ended["expires_in_days"], &ended["expired"]),
        (&json!(-1), &json!(true))
    );
}

#[tokio::test]
async fn a_cloud_tenant_has_no_vault_whoever_asks_and_whatever_is_sent() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let path = "/v1/tenants/acme/secrets";
    let one = format!("{path}/0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b");
    let members = owned(&[
        ("/expires_at", "provider_managed"),
        ("/fields", "provider_managed"),
        ("/name", "provider_managed"),
        ("/template", "provider_managed"),
    ]);
    for caller in [&admin, &service.operator] {
        let faults = caller
            .post(path, &graph_mailer())
            .await
            .problem(403, "provider_managed");
        assert_eq!(faults, members);
        let faults = caller.put(&one, &graph_mailer()).await.problem(403, "provider_managed");
        assert_eq!(faults, members);
        for answer in [
            caller.get(path).await,
            caller.get(&one).await,
            caller.delete(&one).await,
        ] {
            assert!(answer.problem(403, "provider_managed").is_empty());
        }
        let nonsense = caller.request(Method::POST, path).body("{").send().await.unwrap();
        assert_eq!(nonsense.status(), 403);
    }
}

#[tokio::test]
async fn an_auditor_reads_and_a_sender_does_not() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = made(&admin).await;
    let auditor = service.client("globex", "tenant_auditor").await;
    let sender = service.client("globex", "sender").await;
    auditor.get(&path).await.expect(200);
    auditor.put(&path, &graph_mailer()).await.problem(403, "forbidden");
    auditor.delete(&path).await.problem(403, "forbidden");
    sender.get(&path).await.problem(403, "forbidden");
    sender.get(PATH).await.problem(403, "forbidden");
    let templates = sender.get("/v1/secret-templates").await.expect(200);
    let fields: Vec<_> = templates["items"][0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["name"].as_str().unwrap(), field["write_only"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        fields,
        [("client_id", false), ("client_secret", true), ("tenant_id", false)]
    );
}

#[tokio::test]
async fn another_tenants_secret_does_not_exist() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = made(&admin).await;
    let stranger = service.tenant_of("initech", "on_premises").await;
    stranger.get(&path).await.problem(404, "not_found");
    let smuggled = path.replace("globex", "initech");
    stranger.get(&smuggled).await.problem(404, "not_found");
    stranger.put(&smuggled, &graph_mailer()).await.problem(404, "not_found");
    stranger.delete(&smuggled).await.problem(404, "not_found");
    admin.get(&path).await.expect(200);
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_secret_that_the_settings_use_stays() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = made(&admin).await;
    let id = path.rsplit('/').next().unwrap();
    let settings = "/v1/tenants/globex/email-settings";
    let o365 = json!({ "send_email_method": "o365", "from_email_address": "pam@globex.example",
                       "o365": { "send_email_application_secret_id": id } });
    admin.put(settings, &o365).await.expect(200);
    admin.delete(&path).await.problem(409, "conflict");
    admin.get(&path).await.expect(200);
    let smtp = json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
                       "smtp": { "email_server": "smtp.globex.example" } });
    admin.put(settings, &smtp).await.expect(200);
    admin.delete(&path).await.expect(204);
}

#[tokio::test]
async fn a_secret_in_use_is_guarded_like_the_connection_it_belongs_to() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = made(&admin).await;
    let id = path.rsplit('/').next().unwrap();
    let settings = "/v1/tenants/globex/email-settings";
    let o365 = json!({ "send_email_method": "o365", "from_email_address": "pam@globex.example",
                       "o365": { "send_email_application_secret_id": id } });
    admin.put(settings, &o365).await.expect(200);
    let another = |secret: &str| with_field("client_secret", json!(secret));
    admin.put(&path, &another("canary-before-codes")).await.expect(200);
    let messages = "/v1/tenants/globex/messages";
    admin.post(messages, &crate::support::service::code()).await.expect(202);

    let refused = admin.put(&path, &another("canary-other")).await;
    refused.problem(409, "untested_settings");
    let emptied = admin.put(&path, &with_field("client_secret", json!(null))).await;
    emptied.problem(409, "conflict");
    assert_eq!(admin.get(&path).await.expect(200)["version"], 2);
    let mut renamed = without_client_secret(graph_mailer());
    renamed["name"] = json!("Mailer");
    admin.put(&path, &renamed).await.expect(200);
    let overridden = format!("{path}?override=untested");
    let saved = admin.put(&overridden, &another("canary-other")).await.expect(200);
    assert_eq!(saved["version"], 4);
    assert_eq!(admin.get(settings).await.expect(200)["configured"], true);
}

#[tokio::test]
async fn a_deletion_based_on_an_older_version_is_told() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = made(&admin).await;
    admin.put(&path, &graph_mailer()).await.expect(200);
    let delete = |tag| admin.send(admin.request(Method::DELETE, &path).header("if-match", tag));
    delete("\"1\"").await.problem(412, "precondition_failed");
    delete("\"2\"").await.expect(204);
}
