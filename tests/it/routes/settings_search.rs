//! Settings are found by what people call them, and say whether this tenant may write them.

use serde_json::{Value, json};

use crate::support::service::Service;

fn ids(found: &Value) -> Vec<&str> {
    let items = found["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap()).collect()
}

/// The one item with this id.
fn item<'a>(found: &'a Value, id: &str) -> &'a Value {
    let items = found["items"].as_array().unwrap();
    items.iter().find(|item| item["id"] == id).unwrap()
}

#[tokio::test]
async fn typing_email_leads_to_the_email_configuration_first() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    for text in ["email", "EMAIL", "emial", "e-mail"] {
        let found = admin
            .get(&format!("/v1/tenants/acme/settings?q={text}"))
            .await
            .expect(200);
        assert_eq!(
            found["items"][0],
            json!({
                "id": "email_configuration",
                "title": "Email configuration",
                "description": "Who sends this tenant's mail, by which way, and from which address.",
                "section": "Email",
                "editable": true,
                "api": "/v1/tenants/acme/email-settings",
                "console": "/t/acme/email",
            }),
            "{text}"
        );
    }
    let nothing = admin.get("/v1/tenants/acme/settings?q=zebra").await.expect(200);
    assert_eq!(nothing, json!({ "items": [] }));
}

#[tokio::test]
async fn what_the_provider_manages_is_found_but_not_editable() {
    let service = Service::start().await;
    let cloud = service
        .tenant("acme")
        .await
        .get("/v1/tenants/acme/settings")
        .await
        .expect(200);
    let on_premises = service.tenant_of("globex", "on_premises").await;
    let on_premises = on_premises.get("/v1/tenants/globex/settings").await.expect(200);
    let by_operator = service.operator.get("/v1/tenants/acme/settings").await.expect(200);

    assert_eq!(ids(&cloud), ids(&on_premises));
    for (id, in_cloud, on_premises_too, for_operator) in [
        ("from_email_address", true, true, true),
        ("smtp.port", false, true, false),
        ("secrets", false, true, false),
        ("accent_color", false, true, true),
        ("limits", false, false, true),
        ("hardening_report", false, false, false),
    ] {
        assert_eq!(item(&cloud, id)["editable"], in_cloud, "{id}");
        assert_eq!(item(&on_premises, id)["editable"], on_premises_too, "{id}");
        assert_eq!(item(&by_operator, id)["editable"], for_operator, "{id}");
    }
}

#[tokio::test]
async fn a_text_that_is_too_long_and_a_parameter_that_is_not_known_are_named() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let long = "x".repeat(101);
    let faults = admin
        .get(&format!("/v1/tenants/acme/settings?q={long}&limit=3"))
        .await
        .problem(422, "validation_failed");
    let expected = [("/limit", "unknown_field"), ("/q", "too_long")];
    assert_eq!(
        faults,
        expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
}
