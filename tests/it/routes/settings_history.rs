//! Every version of the email settings is kept, and an older one can be put back: as a new version, with its own password.

use domain::{branding::Branding, connection::EmailSettings};
use relay::inbox::InboxConfig;
use reqwest::Method;
use serde_json::{Value, json};

use super::secrets::graph_mailer;
use crate::support::{http::Client, service::Service};

const CLOUD: &str = "/v1/tenants/acme/email-settings";
const ON_PREMISES: &str = "/v1/tenants/globex/email-settings";

fn branding(name: &str) -> Value {
    json!({ "from_email_address": "no-reply@acme.example", "from_email_name": name })
}

fn smtp(server: &str, password: &str) -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
            "smtp": { "email_server": server, "username": "pam", "password": password } })
}

async fn versions(admin: &Client, path: &str) -> Vec<Value> {
    let list = admin.get(&format!("{path}/versions")).await.expect(200);
    list["items"].as_array().unwrap().clone()
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

#[tokio::test]
async fn an_old_connection_comes_back_with_the_password_that_was_given_for_it() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    assert_eq!(versions(&admin, ON_PREMISES).await, Vec::<Value>::new());
    admin
        .put(ON_PREMISES, &smtp("one.globex.example", "canary-one"))
        .await
        .expect(200);
    admin
        .put(ON_PREMISES, &smtp("two.globex.example", "canary-two"))
        .await
        .expect(200);

    let restored = admin
        .post(&format!("{ON_PREMISES}/versions/1/restore"), &json!({}))
        .await;

    let settings = restored.expect(200);
    assert_eq!(
        (&settings["smtp"]["email_server"], &settings["smtp"]["password_set"]),
        (&json!("one.globex.example"), &json!(true))
    );
    assert!(!restored.text.contains("canary"));
    // And it stays bound to its server.
    let mut moved = smtp("two.globex.example", "x");
    moved["smtp"].as_object_mut().unwrap().remove("password");
    let faults = admin.put(ON_PREMISES, &moved).await.problem(422, "validation_failed");
    assert_eq!(faults, [("/smtp/password".to_owned(), "password_required".to_owned())]);
}

#[tokio::test]
async fn a_version_whose_secret_is_gone_is_not_put_back() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let secrets = "/v1/tenants/globex/secrets";
    let made = admin.post(secrets, &graph_mailer()).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let o365 = json!({ "send_email_method": "o365", "from_email_address": "pam@globex.example",
                       "o365": { "send_email_application_secret_id": id, "cloud": "china", "save_to_sent_items": true } });
    admin.put(ON_PREMISES, &o365).await.expect(200);
    admin
        .put(ON_PREMISES, &smtp("smtp.globex.example", "x"))
        .await
        .expect(200);
    let restore = format!("{ON_PREMISES}/versions/1/restore");
    let restored = admin.post(&restore, &json!({})).await.expect(200);
    assert_eq!(
        restored["o365"],
        json!({ "send_email_application_secret_id": id, "cloud": "china", "save_to_sent_items": true })
    );
    admin
        .put(ON_PREMISES, &smtp("smtp.globex.example", "x"))
        .await
        .expect(200);
    assert_eq!(admin.delete(&format!("{secrets}/{id}")).await.status, 204);

    admin.post(&restore, &json!({})).await.problem(409, "conflict");
    assert_eq!(versions(&admin, ON_PREMISES).await.len(), 4);
}
