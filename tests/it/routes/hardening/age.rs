//! Passwords and secrets are judged by their dates.

use serde_json::json;

use super::{REPORT, SETTINGS, item, owned, smtp, statuses};
use crate::support::service::Service;

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
