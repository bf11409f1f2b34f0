//! Messages over REST: submitted, listed, followed, explained, withdrawn.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::service::{Service, code, notification};

const PATH: &str = "/v1/tenants/acme/messages";

fn of(message: &Value, rest: &str) -> String {
    format!("{PATH}/{}{rest}", message["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_message_is_accepted_sent_and_told_about() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let accepted = admin.post(PATH, &code()).await;
    let message = accepted.expect(202);
    assert!(accepted.header("location").ends_with(message["id"].as_str().unwrap()));
    assert_eq!(
        (&message["kind"], &message["lane"], &message["status"]),
        (&json!("two_factor_code"), &json!("urgent"), &json!("queued"))
    );

    let sent = service.until(&message, "sent").await;
    assert_eq!(sent["deliveries"][0]["attempts"], 1);
    let events = admin.get(&of(&message, "/events")).await.expect(200);
    let types: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["accepted", "attempt_started", "sent"]);
    let last = &events["items"][2];
    assert_eq!((&last["reply"]["code"], &last["route"]), (&json!(250), &json!("inbox")));
    assert!(last["duration_ms"].is_u64());
    let explained = admin.get(&of(&message, "/explain")).await.expect(200);
    assert_eq!(explained["deliveries"][0]["why"], "The next server took it.");
    admin
        .post(&of(&message, "/cancel"), &json!({}))
        .await
        .problem(409, "conflict");
    admin
        .post(&of(&message, "/retry"), &json!({}))
        .await
        .problem(409, "conflict");
}

#[tokio::test]
async fn each_recipient_gets_a_copy_of_their_own() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let mut message = notification();
    message["to"] = json!([{ "email": "a@acme.example" }, { "email": "b@acme.example" }]);
    let accepted = admin.post(PATH, &message).await.expect(202);
    service.until(&accepted, "sent").await;
    let mut to: Vec<_> = service
        .inbox
        .messages()
        .iter()
        .map(|mail| mail.forward_paths.clone())
        .collect();
    to.sort();
    assert_eq!(to, [["a@acme.example"], ["b@acme.example"]]);
}

#[tokio::test]
async fn the_same_key_answers_the_first_answer_again_and_sends_once() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let key = ("Idempotency-Key", "order-42");
    let first = admin.post_with(PATH, key, &notification()).await;
    let again = admin.post_with(PATH, key, &notification()).await;
    assert_eq!((first.status, &first.text), (again.status, &again.text));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        ("", "true")
    );
    admin
        .post_with(PATH, key, &code())
        .await
        .problem(422, "idempotency_key_reused");
    let too_long = "k".repeat(256);
    let long = admin
        .request(Method::POST, PATH)
        .header("Idempotency-Key", &too_long)
        .json(&code());
    admin.send(long).await.problem(422, "validation_failed");
    service.until(&first.json(), "sent").await;
    assert_eq!(service.inbox.received(), 1);

    let service = service.later(std::time::Duration::from_hours(25)).await;
    let admin = service.client("acme", "tenant_admin").await;
    assert_ne!(
        admin.post_with(PATH, key, &notification()).await.expect(202)["id"],
        first.json()["id"]
    );
}

#[tokio::test]
async fn one_bad_message_of_a_batch_fails_alone() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let mut bad = code();
    bad["data"] = json!({});
    let batch = json!({ "messages": [code(), bad, notification()] });
    let results = admin.post(&format!("{PATH}/batch"), &batch).await.expect(202);
    let statuses: Vec<_> = results["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [202, 422, 202]);
    assert_eq!(results["results"][1]["problem"]["errors"][0]["pointer"], "/data/code");
    service.until(&results["results"][2]["message"], "sent").await;

    let none = json!({ "messages": [] });
    admin
        .post(&format!("{PATH}/batch"), &none)
        .await
        .problem(422, "validation_failed");
    let many = json!({ "messages": vec![code(); 501] });
    admin
        .post(&format!("{PATH}/batch"), &many)
        .await
        .problem(422, "validation_failed");
}

#[tokio::test]
async fn in_one_batch_the_later_message_of_a_key_wins() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let mut one = code();
    one["supersede_key"] = json!("user-17");
    let batch = json!({ "messages": [one, one] });
    let results = admin.post(&format!("{PATH}/batch"), &batch).await.expect(202);
    service.until(&results["results"][0]["message"], "superseded").await;
    service.until(&results["results"][1]["message"], "sent").await;
}

#[tokio::test]
async fn listings_are_filtered_and_paged() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let mut other = notification();
    other["to"] = json!([{ "email": "carol@acme.example" }]);
    let first = admin.post(PATH, &other).await.expect(202);
    for _ in 0..4 {
        let message = admin.post(PATH, &code()).await.expect(202);
        service.until(&message, "sent").await;
    }
    service.until(&first, "sent").await;
    let count = async |query: &str| {
        admin.get(&format!("{PATH}?{query}")).await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count("kind=two_factor_code").await, 4);
    assert_eq!(count("to=carol@acme.example").await, 1);
    assert_eq!(count("status=sent").await, 5);
    assert_eq!(count("status=mixed").await, 0);
    assert_eq!(count("until=2020-01-01T00:00:00Z").await, 0);
    assert_eq!(
        count("since=2020-01-01T00:00:00Z&status=sent&kind=notification").await,
        1
    );
    admin
        .get(&format!("{PATH}?status=lost"))
        .await
        .problem(422, "validation_failed");
    let page = admin.get(&format!("{PATH}?limit=3")).await.expect(200);
    let rest = admin
        .get(&format!(
            "{PATH}?limit=3&cursor={}",
            page["next_cursor"].as_str().unwrap()
        ))
        .await
        .expect(200);
    assert_eq!(
        (
            page["items"].as_array().unwrap().len(),
            rest["items"].as_array().unwrap().len()
        ),
        (3, 2)
    );
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn what_is_scheduled_waits_for_its_time_and_can_be_cancelled() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let mut later = notification();
    later["send_at"] = json!((service.clock.now() + std::time::Duration::from_hours(2)).to_rfc3339());
    let cancelled = admin.post(PATH, &later).await.expect(202);
    let kept = admin.post(PATH, &later).await.expect(202);
    assert_eq!(
        admin.post(&of(&cancelled, "/cancel"), &json!({})).await.expect(200)["status"],
        "cancelled"
    );
    let waiting = admin.get(&of(&kept, "/explain")).await.expect(200);
    assert_eq!(waiting["deliveries"][0]["why"], "It waits for its send_at.");
    let service = service.later(std::time::Duration::from_hours(2)).await;
    service.until(&kept, "sent").await;
    assert_eq!(service.inbox.received(), 1);
}

#[tokio::test]
async fn a_code_is_nowhere_in_what_the_api_tells() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let message = admin.post(PATH, &code()).await;
    let id = message.expect(202);
    service.until(&id, "sent").await;
    for path in [of(&id, ""), of(&id, "/events"), of(&id, "/explain"), PATH.to_owned()] {
        assert!(!admin.get(&path).await.text.contains("493021"), "{path} tells the code");
    }
    assert!(!message.text.contains("493021"));
}
