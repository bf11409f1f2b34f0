//! The same messages through a mail server that is not ours.

use mail_parser::MessageParser;
use serde_json::json;

use crate::support::{
    mta::{Mta, MtaOptions},
    service::{Service, code, notification},
};

#[tokio::test]
async fn one_message_of_each_kind_arrives_through_postfix_unchanged() {
    let service = Service::start().await;
    let Some(mta) = Mta::start(MtaOptions::for_domain("acme.example")).await else {
        return; // The runner has said that there is none.
    };
    let capture = service.operator.get("/v1/relay/routes").await.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let at = json!({ "email_server": mta.addr().ip().to_string(), "port": mta.addr().port() });
    service
        .operator
        .patch(&format!("/v1/relay/routes/{capture}"), &at)
        .await
        .expect(200);
    let admin = service.tenant("acme").await;
    let to = json!([{ "email": "bob@acme.example", "name": "Bob, the \"Builder\"" }]);
    let request = json!({ "kind": "access_request", "to": to, "data": {
        "requester": "Zoë", "resource": "Oracle root", "reason": "Restore.\n.\nA line that is a dot alone.", "duration": "4 h",
        "approve_url": "https://pam.example/a", "deny_url": "https://pam.example/d" } });
    let system = json!({ "kind": "system", "to": to, "data": { "subject": "Grüße =?utf-8?q?x?=", "body_text": ".leading dot\nFrom the start\n\n.\n" } });
    let mut expected = Vec::new();
    for message in [code(), notification(), request, system] {
        let accepted = admin.post("/v1/tenants/acme/messages", &message).await.expect(202);
        service.until(&accepted, "sent").await;
        expected.push(format!(
            "{}@acme.relay.example",
            accepted["deliveries"][0]["id"].as_str().unwrap()
        ));
    }

    let mails = mta.mails(4).await;

    let parsed: Vec<_> = mails
        .iter()
        .map(|mail| MessageParser::default().parse(mail).unwrap())
        .collect();
    let mut ids: Vec<_> = parsed
        .iter()
        .map(|mail| mail.message_id().unwrap().to_owned())
        .collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    let body_of = |subject: &str| {
        let mail = parsed.iter().find(|mail| mail.subject() == Some(subject));
        mail.unwrap_or_else(|| panic!("no {subject:?}"))
            .body_text(0)
            .unwrap()
            .into_owned()
    };
    assert!(body_of("Grüße =?utf-8?q?x?=").contains(".leading dot"));
    assert!(body_of("Access request: Zoë → Oracle root (4 h)").contains("A line that is a dot alone."));
}
