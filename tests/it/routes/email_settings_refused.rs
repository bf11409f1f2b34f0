//! What a Cloud tenant cannot save: parts of a connection, fields that are wrong, a From without proof.

use relay::inbox::InboxConfig;
use serde_json::json;

use super::email_settings::{PATH, branding};
use crate::support::service::Service;

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
        .chain(&["from_email_address", "from_email_name"])
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
