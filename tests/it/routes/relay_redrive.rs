//! Redrive over REST.

use relay::inbox::{Behaviour, InboxConfig, Script, Step};
use serde_json::json;

use crate::support::service::{Service, notification};

const PATH: &str = "/v1/relay/redrive";

/// A service whose next server refuses its first recipient for good.
async fn refused_once() -> Service {
    let refusal = Behaviour::Reply("550 5.7.1 Not today".into());
    let inbox = InboxConfig {
        script: Script::new().at(Step::Rcpt, [refusal]),
        ..InboxConfig::default()
    };
    Service::start_with(inbox, &[]).await
}

#[tokio::test]
async fn what_bounced_is_counted_put_back_and_sent() {
    let service = refused_once().await;
    let admin = service.tenant("acme").await;
    let message = admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    service.until(&message, "bounced").await;
    let operator = &service.operator;

    let counted = operator.post(PATH, &json!({ "tenant": "acme", "dry_run": true })).await;
    assert_eq!(counted.expect(200), json!({ "count": 1, "dry_run": true }));
    let all = json!({});
    let with_key = || operator.post_with(PATH, ("idempotency-key", "incident-7"), &all);
    assert_eq!(with_key().await.expect(200), json!({ "count": 1, "dry_run": false }));

    service.until(&message, "sent").await;
    let replayed = with_key().await;
    assert_eq!(replayed.expect(200), json!({ "count": 1, "dry_run": false }));
    assert_eq!(replayed.header("idempotent-replayed"), "true");
    let other = json!({ "status": "bounced" });
    operator
        .post_with(PATH, ("idempotency-key", "incident-7"), &other)
        .await
        .problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn every_fault_of_a_redrive_is_listed() {
    let service = Service::start().await;
    let bad =
        json!({ "tenant": "nobody", "status": "sent", "since": "2999-01-01T00:00:00Z", "dry_run": "yes", "x": 1 });
    let faults = service
        .operator
        .post(PATH, &bad)
        .await
        .problem(422, "validation_failed");
    let expected = [
        ("/dry_run", "invalid"),
        ("/since", "out_of_range"),
        ("/status", "invalid"),
        ("/tenant", "invalid"),
        ("/x", "unknown_field"),
    ];
    assert_eq!(
        faults,
        expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()))
    );
}
