//! When a message goes again, and when it does not: deferred, greylisted, in doubt, expired.

use std::time::Duration;

use relay::inbox::{Behaviour, InboxConfig, Script, Step};

use super::{PATH, scripted};
use crate::support::service::{Service, code, notification};

#[tokio::test]
async fn a_code_that_is_deferred_goes_again_within_seconds() {
    let service = scripted(Step::Rcpt, Behaviour::Reply("452 4.3.1 Out of storage".into())).await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &code()).await.expect(202);
    let deferred = service.until(&message, "deferred").await;
    assert_eq!(
        deferred["deliveries"][0]["last_error"],
        "rcpt_to: 452 4.3.1 Out of storage"
    );

    let service = service.later(Duration::from_secs(7)).await;

    let sent = service.until(&message, "sent").await;
    assert_eq!(sent["deliveries"][0]["attempts"], 2);
}

#[tokio::test]
async fn a_greylisted_notification_waits_five_minutes() {
    let service = scripted(Step::Rcpt, Behaviour::Reply("451 4.7.1 Greylisted, come back".into())).await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &notification()).await.expect(202);
    service.until(&message, "deferred").await;
    let service = service.later(Duration::from_secs(200)).await;
    assert_eq!(
        service
            .operator
            .get(&format!("{PATH}/{}", message["id"].as_str().unwrap()))
            .await
            .json()["status"],
        "deferred"
    );
    let service = service.later(Duration::from_mins(3)).await;
    service.until(&message, "sent").await;
}

#[tokio::test]
async fn a_connection_lost_after_the_dot_is_a_doubt_and_not_a_second_mail() {
    let script = Script::new().always_at(Step::Dot, Behaviour::AcceptThenDrop);
    let service = Service::start_with(
        InboxConfig {
            script,
            ..InboxConfig::default()
        },
        &[],
    )
    .await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &notification()).await.expect(202);
    let doubt = service.until(&message, "outcome_unknown").await;
    assert!(doubt["deliveries"][0]["next_attempt_at"].is_string());
    assert_eq!(service.inbox.received(), 1);
}

#[tokio::test]
async fn what_cannot_be_sent_in_time_expires() {
    let script = Script::new().always_at(Step::Rcpt, Behaviour::Reply("452 4.3.1 Out of storage".into()));
    let service = Service::start_with(
        InboxConfig {
            script,
            ..InboxConfig::default()
        },
        &[],
    )
    .await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &code()).await.expect(202);
    service.until(&message, "deferred").await;
    let service = service.later(Duration::from_mins(11)).await;
    service.until(&message, "expired").await;
    assert_eq!(service.inbox.received(), 0);
}
