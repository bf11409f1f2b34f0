//! The report says of each way of sending what applies to it.

use serde_json::json;

use super::{REPORT, SETTINGS, item, owned, smtp, statuses};
use crate::support::service::{Service, code};

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
