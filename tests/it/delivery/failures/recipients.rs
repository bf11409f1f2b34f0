//! A refused recipient bounces, and costs no other the mail.

use std::time::Duration;

use relay::inbox::{Behaviour, Step};
use serde_json::{Value, json};

use super::{PATH, scripted};
use crate::support::service::{Service, notification};

#[tokio::test]
async fn an_unknown_recipient_bounces_with_the_servers_words_and_can_be_retried() {
    let service = scripted(Step::Rcpt, Behaviour::Reply("550 5.1.1 No such user here".into())).await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &notification()).await.expect(202);
    let bounced = service.until(&message, "bounced").await;
    assert_eq!(
        bounced["deliveries"][0]["last_error"],
        "rcpt_to: 550 5.1.1 No such user here"
    );
    let path = format!("{PATH}/{}/retry", message["id"].as_str().unwrap());
    admin.post(&path, &json!({})).await.expect(200);
    service.until(&message, "sent").await;
}

#[tokio::test]
async fn one_refused_recipient_costs_no_other_the_mail() {
    let service = scripted(Step::Rcpt, Behaviour::Reply("550 5.1.1 No such user".into())).await;
    let admin = service.tenant("acme").await;
    let mut two = notification();
    two["to"] = json!([{ "email": "a@acme.example" }, { "email": "b@acme.example" }]);
    let message = admin.post(PATH, &two).await.expect(202);
    let mixed = service.until(&message, "mixed").await;
    let mixed = if statuses(&mixed) == ["bounced", "sent"] {
        mixed
    } else {
        settled(&service, &message).await
    };
    assert_eq!(statuses(&mixed), ["bounced", "sent"]);
}

async fn settled(service: &Service, message: &Value) -> Value {
    let path = format!("{PATH}/{}", message["id"].as_str().unwrap());
    for _ in 0..500 {
        let found = service.operator.get(&path).await.expect(200);
        if statuses(&found) == ["bounced", "sent"] {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.operator.get(&path).await.expect(200)
}

fn statuses(message: &Value) -> Vec<&str> {
    let mut found: Vec<_> = message["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|delivery| delivery["status"].as_str().unwrap())
        .collect();
    found.sort_unstable();
    found
}
