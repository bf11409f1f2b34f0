//! A Cloud tenant's versions: listed, put back, and checked again by today's rules.

use domain::{branding::Branding, connection::EmailSettings};
use relay::inbox::InboxConfig;
use reqwest::Method;
use serde_json::{Value, json};

use super::versions;
use crate::support::service::Service;

const CLOUD: &str = "/v1/tenants/acme/email-settings";

fn branding(name: &str) -> Value {
    json!({ "from_email_address": "no-reply@acme.example", "from_email_name": name })
}

#[tokio::test]
async fn a_cloud_tenant_sees_its_versions_newest_first_and_puts_one_back() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    admin.put(CLOUD, &branding("First")).await.expect(200);
    admin.put(CLOUD, &branding("Second")).await.expect(200);
    let tested = EmailSettings::Cloud {
        branding: Branding {
            from_address: "no-reply@acme.example".parse().unwrap(),
            from_name: Some("First".parse().unwrap()),
        },
    };
    service.note_passed_test("acme", &tested).await;

    let list = versions(&admin, CLOUD).await;
    let shown: Vec<_> = list
        .iter()
        .map(|item| (item["version"].clone(), item["tested"].clone()))
        .collect();
    assert_eq!(
        shown,
        [
            (json!(3), json!(false)),
            (json!(2), json!(true)),
            (json!(1), json!(false))
        ]
    );
    assert_eq!(list[2]["updated_by"], "ops");
    assert!(list.iter().all(|item| item["updated_at"].is_string()));

    let restored = admin.post(&format!("{CLOUD}/versions/2/restore"), &json!({})).await;
    let settings = restored.expect(200);
    assert_eq!(
        (&settings["from_email_name"], &settings["version"], &settings["tested"]),
        (&json!("First"), &json!(4), &json!(true))
    );
    assert_eq!(restored.header("etag"), "\"4\"");
    let page = admin.get(&format!("{CLOUD}/versions?limit=3")).await.expect(200);
    let next = page["next_cursor"].as_str().unwrap();
    let rest = admin
        .get(&format!("{CLOUD}/versions?limit=3&cursor={next}"))
        .await
        .expect(200);
    assert_eq!(
        (&rest["items"][0]["version"], &rest["next_cursor"]),
        (&json!(1), &json!(null))
    );
}

#[tokio::test]
async fn only_a_version_that_was_can_be_put_back_and_only_over_the_one_the_caller_knows() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    for odd in ["2", "0", "-1", "x", "99999999999999999999"] {
        let path = format!("{CLOUD}/versions/{odd}/restore");
        admin.post(&path, &json!({})).await.problem(404, "not_found");
    }
    let stale = admin
        .request(Method::POST, &format!("{CLOUD}/versions/1/restore"))
        .header("if-match", "\"9\"");
    admin.send(stale).await.problem(412, "precondition_failed");
    let auditor = service.client("acme", "tenant_auditor").await;
    let path = format!("{CLOUD}/versions/1/restore");
    auditor.post(&path, &json!({})).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_from_that_could_not_be_saved_today_is_not_put_back() {
    let service = Service::start_with(InboxConfig::default(), &[("LETTERHEAD_SENDER_VERIFICATION", "require")]).await;
    let admin = service.tenant("acme").await;
    let own = json!({ "from_email_address": "no-reply@acme.relay.example", "from_email_name": "Vault" });
    admin.put(CLOUD, &own).await.expect(200);
    let restored = admin
        .post(&format!("{CLOUD}/versions/1/restore"), &json!({}))
        .await
        .expect(200);
    assert_eq!(restored["from_email_name"], "Acme");
}
