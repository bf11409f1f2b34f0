//! An on-premises tenant's versions: each comes back with its own password or secret, or not at all.

use serde_json::{Value, json};

use super::versions;
use crate::{routes::secrets::graph_mailer, support::service::Service};

const ON_PREMISES: &str = "/v1/tenants/globex/email-settings";

fn smtp(server: &str, password: &str) -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
            "smtp": { "email_server": server, "username": "pam", "password": password } })
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
