//! The hardening report is right for each way of sending, and what the provider makes mandatory is kept to.

use serde_json::{Value, json};

use crate::support::{
    http::Client,
    service::{Service, code},
};

const REPORT: &str = "/v1/tenants/globex/hardening-report";
const SETTINGS: &str = "/v1/tenants/globex/email-settings";

/// Settings for a server that nobody asks.
fn smtp(security: &str) -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
            "smtp": { "email_server": "smtp.globex.example", "security": security } })
}

async fn statuses(client: &Client, path: &str) -> Vec<(String, String)> {
    let report = client.get(path).await.expect(200);
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let items = report["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "id"), text(item, "status"))).collect()
}

async fn item(client: &Client, path: &str, id: &str) -> Value {
    let report = client.get(path).await.expect(200);
    let items = report["items"].as_array().unwrap();
    items.iter().find(|item| item["id"] == id).unwrap().clone()
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(id, status)| (id.to_owned(), status.to_owned())).to_vec()
}

#[tokio::test]
async fn a_cloud_tenant_answers_for_its_from_and_its_use_of_mail_alone() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let message = admin.post("/v1/tenants/acme/messages", &code()).await.expect(202);
    service.until(&message, "sent").await;
    assert_eq!(
        statuses(&admin, "/v1/tenants/acme/hardening-report").await,
        owned([
            ("require_smtp_ssl", "not_applicable"),
            ("certificate_verified", "not_applicable"),
            ("authentication", "not_applicable"),
            ("no_clear_text", "not_applicable"),
            ("secret_age", "not_applicable"),
            ("secret_expiry", "not_applicable"),
            ("from_domain_alignment", "pass"),
            ("settings_tested", "pass"),
            ("two_factor_by_email", "warning"),
            ("approval_links", "not_applicable"),
        ])
    );
    let codes = item(&admin, "/v1/tenants/acme/hardening-report", "two_factor_by_email").await;
    assert!(
        codes["evidence"].as_str().unwrap().contains("NIST SP 800-63B"),
        "{codes}"
    );
}

#[tokio::test]
async fn an_smtp_server_is_judged_by_what_is_set() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let unset = item(&admin, REPORT, "require_smtp_ssl").await;
    assert_eq!(
        (&unset["status"], &unset["mandatory"]),
        (&json!("unknown"), &json!(false))
    );

    for (security, expected) in [
        ("starttls", "pass"),
        ("implicit_tls", "pass"),
        ("starttls_optional", "warning"),
        ("none", "fail"),
    ] {
        admin.put(SETTINGS, &smtp(security)).await.expect(200);
        let item = item(&admin, REPORT, "require_smtp_ssl").await;
        assert_eq!(item["status"], expected, "{security}: {item}");
        assert_eq!(item["title"], "Require SMTP SSL");
        assert!(!item["recommendation"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_secret_of_graph_is_judged_by_its_dates() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let in_ten_days = (service.clock.now() + std::time::Duration::from_hours(240)).to_rfc3339();
    let secret = json!({ "name": "Graph mailer", "template": "azure_application", "expires_at": in_ten_days,
        "fields": { "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e", "client_secret": "x~y",
                    "tenant_id": "globex.example" } });
    let secret = admin.post("/v1/tenants/globex/secrets", &secret).await.expect(201);
    let settings = json!({ "send_email_method": "o365", "from_email_address": "pam@globex.example",
        "o365": { "send_email_application_secret_id": secret["id"] } });
    admin.put(SETTINGS, &settings).await.expect(200);

    assert_eq!(
        statuses(&admin, REPORT).await,
        owned([
            ("require_smtp_ssl", "pass"),
            ("certificate_verified", "unknown"),
            ("authentication", "pass"),
            ("no_clear_text", "pass"),
            ("secret_age", "pass"),
            ("secret_expiry", "warning"),
            ("from_domain_alignment", "pass"),
            ("settings_tested", "warning"),
            ("two_factor_by_email", "pass"),
            ("approval_links", "not_applicable"),
        ])
    );
    let service = service.later(std::time::Duration::from_hours(240)).await;
    assert_eq!(item(&service.operator, REPORT, "secret_expiry").await["status"], "fail");
}

#[tokio::test]
async fn a_password_keeps_its_age_through_saves_that_do_not_change_it() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let mut settings = smtp("starttls");
    settings["smtp"]["username"] = json!("pam");
    settings["smtp"]["password"] = json!("first");
    admin.put(SETTINGS, &settings).await.expect(200);
    let service = service.later(std::time::Duration::from_hours(366 * 24)).await;
    settings["smtp"]["password"].take();
    settings["smtp"].as_object_mut().unwrap().remove("password");
    settings["from_email_name"] = json!("Vault");
    service.operator.put(SETTINGS, &settings).await.expect(200);
    assert_eq!(item(&service.operator, REPORT, "secret_age").await["status"], "warning");

    settings["smtp"]["password"] = json!("second");
    service.operator.put(SETTINGS, &settings).await.expect(200);
    assert_eq!(item(&service.operator, REPORT, "secret_age").await["status"], "pass");
}

#[tokio::test]
async fn settings_below_a_mandatory_item_are_refused_and_change_nothing() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    admin.put(SETTINGS, &smtp("none")).await.expect(200);
    admin.put(SETTINGS, &smtp("starttls")).await.expect(200);
    let one = format!("{REPORT}/require_smtp_ssl");
    let demanded = service
        .operator
        .put(&one, &json!({ "mandatory": true }))
        .await
        .expect(200);
    assert_eq!(
        (&demanded["id"], &demanded["mandatory"]),
        (&json!("require_smtp_ssl"), &json!(true))
    );

    let below = [("/smtp/security".to_owned(), "below_mandatory".to_owned())];
    for (path, body) in [
        (SETTINGS.to_owned(), smtp("none")),
        (SETTINGS.to_owned(), smtp("starttls_optional")),
        (format!("{SETTINGS}?validate_only=true"), smtp("none")),
    ] {
        let answer = admin.put(&path, &body).await;
        assert_eq!(answer.problem(422, "validation_failed"), below);
        assert!(answer.text.contains("require_smtp_ssl"), "{}", answer.text);
    }
    let restored = admin.post(&format!("{SETTINGS}/versions/1/restore"), &json!({})).await;
    assert_eq!(restored.problem(422, "validation_failed"), below);
    assert_eq!(admin.get(SETTINGS).await.expect(200)["version"], 2);
    admin.put(SETTINGS, &smtp("implicit_tls")).await.expect(200);

    service
        .operator
        .put(&one, &json!({ "mandatory": false }))
        .await
        .expect(200);
    admin.put(SETTINGS, &smtp("none")).await.expect(200);
}

#[tokio::test]
async fn only_the_provider_demands_and_only_what_settings_can_meet() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let yes = json!({ "mandatory": true });
    let one = format!("{REPORT}/require_smtp_ssl");
    admin.put(&one, &yes).await.problem(403, "forbidden");
    service
        .operator
        .put(&format!("{REPORT}/nothing"), &yes)
        .await
        .problem(404, "not_found");
    let faults = service
        .operator
        .put(&format!("{REPORT}/two_factor_by_email"), &yes)
        .await
        .problem(422, "validation_failed");
    assert_eq!(faults, [("/mandatory".to_owned(), "invalid".to_owned())]);
    service.operator.put(&one, &yes).await.expect(200);
    service.operator.put(&one, &yes).await.expect(200);
}
