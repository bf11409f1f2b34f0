//! On-premises tenants' mail: through their own servers, never over the shared routes, and at nobody else's expense.

use std::{net::SocketAddr, time::Duration};

use relay::inbox::{Behaviour, Inbox, InboxConfig, Recording, Script, Step};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    http::Client,
    service::{PATIENCE, Service, code, notification, own_server},
};

const MESSAGES: &str = "/v1/tenants/globex/messages";
const SETTINGS: &str = "/v1/tenants/globex/email-settings";

async fn inbox(script: Script) -> Inbox {
    let config = InboxConfig {
        script,
        ..InboxConfig::default()
    };
    Inbox::start(config).await.unwrap()
}

/// Where nobody listens.
fn deserted() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// An on-premises tenant with this server.
async fn tenant_with(service: &Service, slug: &str, server: SocketAddr) -> Client {
    let admin = service.tenant_of(slug, "on_premises").await;
    let path = format!("/v1/tenants/{slug}/email-settings");
    admin.put(&path, &own_server(server)).await.expect(200);
    admin
}

async fn submit_many(admin: &Client, count: usize) -> Vec<Value> {
    let batch = json!({ "messages": vec![notification(); count] });
    let answer = admin.post(&format!("{MESSAGES}/batch"), &batch).await.expect(202);
    let results = answer["results"].as_array().unwrap();
    results.iter().map(|result| result["message"].clone()).collect()
}

async fn read(service: &Service, message: &Value) -> Value {
    let path = format!("{MESSAGES}/{}", message["id"].as_str().unwrap());
    service.operator.get(&path).await.expect(200)
}

/// Waits until what holds a message of globex is this.
async fn until_held(service: &Service, message: &Value, by: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = read(service, message).await;
        if found["deliveries"][0]["held_by"] == by {
            return found;
        }
        assert!(Instant::now() < deadline, "{found:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn mail_goes_through_the_tenants_own_server_under_its_own_name_and_never_over_the_shared_routes() {
    let service = Service::start().await;
    let own = inbox(Script::new()).await;
    let admin = tenant_with(&service, "globex", own.addr()).await;
    let acme = service.tenant("acme").await;

    let message = admin.post(MESSAGES, &code()).await.expect(202);
    let shared = acme.post("/v1/tenants/acme/messages", &code()).await.expect(202);

    service.until_of("globex", &message, "sent").await;
    service.until(&shared, "sent").await;
    assert_eq!((own.received(), service.inbox.received()), (1, 1));
    let mail = own.messages()[0].clone();
    let parsed = mail.parsed().unwrap();
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!((from.address(), from.name()), (Some("pam@globex.example"), None));
    let said = own.commands().join("\n");
    assert!(said.contains("MAIL FROM:<pam@globex.example>"), "{said}");
    let delivery = message["deliveries"][0]["id"].as_str().unwrap();
    assert_eq!(parsed.message_id(), Some(format!("{delivery}@globex.example").as_str()));
    let events = format!("{MESSAGES}/{}/events", message["id"].as_str().unwrap());
    let events = admin.get(&events).await;
    assert!(
        events.text.contains("127.0.0.1") && !events.text.contains("\"inbox\""),
        "{}",
        events.text
    );
}

#[tokio::test]
async fn a_server_that_hangs_keeps_its_own_tenant_waiting_and_nobody_else() {
    let service = Service::start().await;
    let hanging = inbox(Script::new().always_at(Step::Greeting, Behaviour::Hang)).await;
    let alive = inbox(Script::new()).await;
    let unlucky = tenant_with(&service, "globex", hanging.addr()).await;
    let other = tenant_with(&service, "initech", alive.addr()).await;
    let acme = service.tenant("acme").await;
    submit_many(&unlucky, 200).await;
    for _ in 0..40 {
        unlucky.post(MESSAGES, &code()).await.expect(202);
    }

    for wanted in [code(), notification()] {
        let shared = acme.post("/v1/tenants/acme/messages", &wanted).await.expect(202);
        let own = other.post("/v1/tenants/initech/messages", &wanted).await.expect(202);
        service.until(&shared, "sent").await;
        service.until_of("initech", &own, "sent").await;
    }
    assert_eq!(
        (hanging.received(), alive.received(), service.inbox.received()),
        (0, 2, 2)
    );
}

#[tokio::test]
async fn while_a_server_is_dead_most_of_its_mail_stays_in_the_queue_untouched() {
    let service = Service::start().await;
    let admin = tenant_with(&service, "globex", deserted()).await;
    let messages = submit_many(&admin, 100).await;
    let acme = service.tenant("acme").await;
    until_some_failed(&service, &messages).await;
    let other = acme
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    service.until(&other, "sent").await;

    let mut untouched = 0;
    for message in &messages {
        let delivery = read(&service, message).await["deliveries"][0].clone();
        let as_it_was = delivery["attempts"] == 0 && delivery["held_by"].is_null() && delivery["status"] == "queued";
        untouched += usize::from(as_it_was);
    }
    // A quarter of the lane's places is in hand at most, and one delivery more for each rest that has ended since: rests
    // double, so that ten do not end while this test has patience.
    let in_hand = relay::dispatcher::Places::default().background / 4;
    assert!(untouched >= messages.len() - in_hand - 10, "{untouched}");
}

async fn until_some_failed(service: &Service, messages: &[Value]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let path = format!("{MESSAGES}?status=deferred");
        let found = service.operator.get(&path).await.expect(200);
        if found["items"].as_array().unwrap().len() >= 3 {
            return;
        }
        assert!(Instant::now() < deadline, "none of {} failed", messages.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn much_mail_flows_through_one_server_a_quarter_of_a_lane_at_a_time() {
    let service = Service::start().await;
    let own = inbox(Script::new()).await;
    let admin = tenant_with(&service, "globex", own.addr()).await;
    let messages = submit_many(&admin, 120).await;
    own.wait_for(120, PATIENCE).await.unwrap();
    for message in &messages {
        let sent = service.until_of("globex", message, "sent").await;
        // None was claimed only to be put back.
        assert_eq!(sent["deliveries"][0]["attempts"], 1);
    }
}

#[tokio::test]
async fn where_the_shared_relay_is_dead_mail_of_own_servers_goes() {
    let service = Service::start().await;
    let own = inbox(Script::new()).await;
    let admin = tenant_with(&service, "globex", own.addr()).await;
    let acme = service.tenant("acme").await;
    let route = service.operator.get("/v1/relay/routes").await.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let dead = json!({ "port": deserted().port() });
    let path = format!("/v1/relay/routes/{route}");
    service.operator.patch(&path, &dead).await.expect(200);
    for _ in 0..4 {
        let stuck = acme.post("/v1/tenants/acme/messages", &code()).await.expect(202);
        assert_eq!(stuck["status"], "queued");
    }
    for wanted in [code(), notification()] {
        let message = admin.post(MESSAGES, &wanted).await.expect(202);
        service.until_of("globex", &message, "sent").await;
    }

    assert_eq!(service.operator.delete(&path).await.status, 204);
    for wanted in [code(), notification()] {
        let message = admin.post(MESSAGES, &wanted).await.expect(202);
        service.until_of("globex", &message, "sent").await;
    }
    assert_eq!((own.received(), service.inbox.received()), (4, 0));
}

#[tokio::test]
async fn what_the_settings_are_to_blame_for_waits_and_goes_when_they_are_saved() {
    let service = Service::start().await;
    let refusing = Behaviour::Reply("550 5.7.60 Client does not have permissions to send as this sender".into());
    let strict = inbox(Script::new().always_at(Step::Mail, refusing)).await;
    let admin = tenant_with(&service, "globex", strict.addr()).await;
    let message = admin.post(MESSAGES, &notification()).await.expect(202);
    let held = until_held(&service, &message, "configuration").await;
    assert_eq!(held["status"], "queued");

    let mended = inbox(Script::new()).await;
    admin.put(SETTINGS, &own_server(mended.addr())).await.expect(200);

    service.until_of("globex", &message, "sent").await;
    assert_eq!((mended.received(), service.inbox.received()), (1, 0));
}

#[tokio::test]
async fn a_password_is_said_to_no_server_but_its_own() {
    let service = Service::start().await;
    let config = InboxConfig {
        recording: Recording::Clear,
        ..InboxConfig::default()
    };
    let elsewhere = Inbox::start(config).await.unwrap();
    let admin = service.tenant_of("globex", "on_premises").await;
    let with_password = json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
        "smtp": { "email_server": "127.0.0.1", "port": deserted().port(), "username": "pam",
                  "password": "canary-own-password" } });
    admin.put(SETTINGS, &with_password).await.expect(200);
    let moved = json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
        "smtp": { "email_server": "127.0.0.1", "port": elsewhere.addr().port(), "username": "pam",
                  "security": "starttls_optional" } });
    admin.put(SETTINGS, &moved).await.problem(422, "validation_failed");
    let mut given = moved.clone();
    given["smtp"]["password"] = json!("canary-other-password");
    admin.put(SETTINGS, &given).await.expect(200);

    let message = admin.post(MESSAGES, &notification()).await.expect(202);
    until_held(&service, &message, "configuration").await;

    // No TLS was offered, so nothing of any password was said.
    let heard = String::from_utf8_lossy(&elsewhere.clear_octets()).into_owned();
    assert!(heard.contains("EHLO") && !heard.contains("AUTH"), "{heard}");
    assert_eq!(elsewhere.received(), 0);
}
