//! The test email over REST: what it answers, that it saves nothing, and that it cannot be had without end.

use std::time::Duration;

use mail_parser::MessageParser;
use relay::inbox::{Behaviour, Captured, Inbox, InboxConfig, Script, Step};
use serde_json::{Value, json};

use crate::support::{
    http::{Answer, Client},
    service::Service,
};

const ACME: &str = "/v1/tenants/acme/email-settings";
const GLOBEX: &str = "/v1/tenants/globex/email-settings";
const STEPS: [&str; 8] = [
    "resolve",
    "connect",
    "greeting",
    "tls",
    "authenticate",
    "mail_from",
    "rcpt_to",
    "data",
];

fn to_bob() -> Value {
    json!({ "to": "bob@b.example" })
}

async fn test(client: &Client, settings: &str, body: &Value) -> Answer {
    client.post(&format!("{settings}/test"), body).await
}

fn branding() -> Value {
    json!({ "from_email_address": "vault@acme.example", "from_email_name": "Vault" })
}

fn own(inbox: &Inbox) -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
            "smtp": { "email_server": inbox.addr().ip().to_string(), "port": inbox.addr().port(), "security": "none" } })
}

fn names(answer: &Value) -> Vec<&str> {
    let steps = answer["steps"].as_array().unwrap();
    steps.iter().map(|step| step["name"].as_str().unwrap()).collect()
}

fn statuses(answer: &Value) -> Vec<&str> {
    let steps = answer["steps"].as_array().unwrap();
    steps.iter().map(|step| step["status"].as_str().unwrap()).collect()
}

fn text(mail: &Captured) -> String {
    let parsed = MessageParser::default().parse(&mail.data).unwrap();
    parsed.body_text(0).unwrap().into_owned()
}

fn from(mail: &Captured) -> String {
    let parsed = MessageParser::default().parse(&mail.data).unwrap();
    let from = parsed.from().unwrap().first().unwrap();
    format!("{} <{}>", from.name().unwrap_or_default(), from.address().unwrap())
}

#[tokio::test]
async fn a_cloud_tenant_tries_a_from_over_the_shared_relay_before_it_saves_it() {
    let service = Service::start_with(InboxConfig::default(), &[("LETTERHEAD_SENDER_VERIFICATION", "off")]).await;
    let admin = service.tenant("acme").await;

    let body = json!({ "to": "bob@b.example", "settings": branding() });
    let answer = test(&admin, ACME, &body).await.expect(200);

    assert_eq!(
        (&answer["outcome"], &answer["failure"]),
        (&json!("accepted"), &json!(null))
    );
    assert_eq!(names(&answer), STEPS);
    let mail = service.inbox.messages().remove(0);
    assert_eq!(from(&mail), "Vault <vault@acme.example>");
    let id = answer["message_id"].as_str().unwrap();
    assert!(String::from_utf8_lossy(&mail.data).contains(&format!("Message-ID: {id}\r\n")));
    for said in [
        "No action needed.",
        "not saved yet (version 1 is in force)",
        "Route: shared relay, route inbox",
    ] {
        assert!(text(&mail).contains(said), "{}", text(&mail));
    }
    let saved = admin.get(ACME).await.expect(200);
    assert_eq!((&saved["version"], &saved["tested"]), (&json!(1), &json!(false)));
    let saved = admin.put(ACME, &branding()).await.expect(200);
    assert_eq!(saved["tested"], true);
}

#[tokio::test]
async fn an_on_premises_tenant_tries_its_own_server_and_then_the_saved_settings() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let server = Inbox::start(InboxConfig::default()).await.unwrap();
    test(&admin, GLOBEX, &to_bob())
        .await
        .problem(409, "email_not_configured");

    let candidate = json!({ "to": "bob@b.example", "settings": own(&server) });
    let answer = test(&admin, GLOBEX, &candidate).await.expect(200);

    assert_eq!(answer["outcome"], "accepted");
    assert_eq!(
        statuses(&answer),
        ["ok", "ok", "ok", "warning", "skipped", "ok", "ok", "ok"]
    );
    assert_eq!(service.inbox.received(), 0);
    assert_eq!(admin.get(GLOBEX).await.expect(200)["configured"], false);

    assert_eq!(admin.put(GLOBEX, &own(&server)).await.expect(200)["tested"], true);
    test(&admin, GLOBEX, &to_bob()).await.expect(200);
    let mail = server.messages().pop().unwrap();
    assert!(text(&mail).contains("Settings: version 1, as saved"), "{}", text(&mail));
    assert_eq!(from(&mail), " <pam@globex.example>");
}

#[tokio::test]
async fn a_test_that_fails_is_answered_with_200_and_what_to_do() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let refusing = Inbox::start(InboxConfig {
        script: Script::new().always_at(Step::Rcpt, Behaviour::Reply("550 5.1.1 no such user".to_owned())),
        ..InboxConfig::default()
    })
    .await
    .unwrap();

    let body = json!({ "to": "bob@b.example", "settings": own(&refusing) });
    let answer = test(&admin, GLOBEX, &body).await.expect(200);

    assert_eq!(answer["outcome"], "failed");
    assert_eq!(
        (&answer["failure"]["step"], &answer["failure"]["code"]),
        (&json!("rcpt_to"), &json!("recipient_rejected"))
    );
    assert!(answer["failure"]["hint"].as_str().unwrap().contains("bob@b.example"));
    assert_eq!(statuses(&answer)[6..], ["failed", "skipped"]);
    assert_eq!(
        answer["steps"][6]["detail"],
        "The server refused: 550 5.1.1 no such user"
    );
    assert!(answer["steps"][6]["duration_ms"].is_u64());
    assert!(
        answer["transcript"]
            .as_array()
            .unwrap()
            .contains(&json!("S: 550 5.1.1 no such user"))
    );
    assert_eq!(admin.put(GLOBEX, &own(&refusing)).await.expect(200)["tested"], false);
}

#[tokio::test]
async fn the_steps_come_as_events_and_the_whole_answer_last() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;

    let answer = admin
        .post_with(&format!("{ACME}/test"), ("accept", "text/event-stream"), &to_bob())
        .await;

    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "text/event-stream")
    );
    let events: Vec<(&str, Value)> = answer
        .text
        .split_terminator("\n\n")
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            (name.strip_prefix("event: ").unwrap(), data)
        })
        .collect();
    let (last, steps) = events.split_last().unwrap();
    assert!(steps.iter().all(|(name, _)| *name == "step"));
    let told: Vec<_> = steps.iter().map(|(_, step)| step.clone()).collect();
    assert_eq!(last.0, "result");
    assert_eq!(last.1["outcome"], "accepted");
    assert_eq!(last.1["steps"], Value::Array(told));
    assert_eq!(names(&last.1), STEPS);
}

#[tokio::test]
async fn a_step_is_sent_before_the_next_one_has_ended() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    service.inbox.play(Script::new().at(Step::Greeting, [Behaviour::Hang]));
    let request = admin
        .request(reqwest::Method::POST, &format!("{ACME}/test"))
        .header("accept", "text/event-stream")
        .json(&to_bob());

    let mut answer = request.send().await.unwrap();

    let mut heard = String::new();
    while !heard.contains("\"name\":\"connect\"") {
        heard.push_str(&String::from_utf8_lossy(&answer.chunk().await.unwrap().unwrap()));
    }
    assert!(!heard.contains("\"name\":\"greeting\""), "{heard}");
}

#[tokio::test]
async fn every_fault_of_the_body_is_named_and_a_stored_password_goes_nowhere_else() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let mut settings = json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
        "smtp": { "email_server": "127.0.0.1", "port": 1, "username": "pam", "password": "canary-own-password" } });
    let bad = json!({ "to": "nobody", "extra": 1, "settings": { "send_email_method": "smtp", "smtp": {} } });
    let faults = test(&admin, GLOBEX, &bad).await.problem(422, "validation_failed");
    let pointers: Vec<_> = faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/extra",
            "/settings/from_email_address",
            "/settings/smtp/email_server",
            "/to"
        ]
    );

    admin.put(GLOBEX, &settings).await.expect(200);
    settings["smtp"].as_object_mut().unwrap().remove("password");
    let same = json!({ "to": "bob@b.example", "settings": settings });
    assert_eq!(
        test(&admin, GLOBEX, &same).await.expect(200)["failure"]["code"],
        "connection_refused"
    );
    settings["smtp"]["port"] = json!(service.inbox.addr().port());
    let moved = json!({ "to": "bob@b.example", "settings": settings });
    let faults = test(&admin, GLOBEX, &moved).await.problem(422, "validation_failed");
    assert_eq!(
        faults,
        [("/settings/smtp/password".to_owned(), "password_required".to_owned())]
    );
    assert_eq!(service.inbox.connections(), 0);
    assert_eq!(admin.get(GLOBEX).await.expect(200)["version"], 1);
}

#[tokio::test]
async fn a_cloud_tenant_cannot_test_a_connection() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let server = Inbox::start(InboxConfig::default()).await.unwrap();
    let body = json!({ "to": "bob@b.example", "settings": own(&server) });
    let faults = test(&admin, ACME, &body).await.problem(403, "provider_managed");
    assert!(
        faults.contains(&("/settings/smtp".to_owned(), "provider_managed".to_owned())),
        "{faults:?}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn five_tests_a_minute_run_and_what_was_refused_counts_nothing() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    for _ in 0..7 {
        test(&admin, ACME, &json!({ "to": "nobody" }))
            .await
            .problem(422, "validation_failed");
    }

    let body = to_bob();
    let calls = futures_util::future::join_all((0..12).map(|_| test(&admin, ACME, &body))).await;

    let (ran, refused): (Vec<_>, Vec<_>) = calls.iter().partition(|answer| answer.status == 200);
    assert_eq!((ran.len(), refused.len()), (5, 7));
    for answer in refused {
        answer.problem(429, "rate_limited");
        assert!((1..=60).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
    }
    assert_eq!(service.inbox.received(), 5);
    // Another tenant has its own.
    let other = service.tenant("other").await;
    test(&other, "/v1/tenants/other/email-settings", &to_bob())
        .await
        .expect(200);
    let service = service.later(Duration::from_mins(1)).await;
    let admin = service.client("acme", "tenant_admin").await;
    test(&admin, ACME, &to_bob()).await.expect(200);
}

#[tokio::test]
async fn the_provider_sets_how_many_tests_a_day_a_tenant_has() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let limits = json!({ "limits": { "test_emails_per_day": 1 } });
    service.operator.patch("/v1/tenants/acme", &limits).await.expect(200);
    test(&admin, ACME, &to_bob()).await.expect(200);
    let refused = test(&admin, ACME, &to_bob()).await;
    refused.problem(429, "quota_exceeded");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() <= 86_400);
    assert_eq!(service.inbox.received(), 1);
}

#[tokio::test]
async fn a_suspended_tenant_and_a_relay_without_a_route_send_no_test() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let routes = service.operator.get("/v1/relay/routes").await.expect(200);
    let route = format!("/v1/relay/routes/{}", routes["items"][0]["id"].as_str().unwrap());
    service
        .operator
        .post(&format!("{route}/pause"), &json!({}))
        .await
        .expect(200);
    let refused = test(&admin, ACME, &to_bob()).await;
    refused.problem(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "60");

    let suspend = json!({ "reason": "unpaid" });
    service
        .operator
        .post("/v1/tenants/acme/suspend", &suspend)
        .await
        .expect(200);
    test(&admin, ACME, &to_bob()).await.problem(403, "tenant_suspended");
    assert_eq!(service.inbox.connections(), 0);
}

#[tokio::test]
async fn an_operator_tries_a_route_alone_also_while_it_is_paused() {
    let service = Service::start().await;
    let other = Inbox::start(InboxConfig::default()).await.unwrap();
    let route = service.add_route("other", other.addr()).await;
    let path = format!("/v1/relay/routes/{}", route["id"].as_str().unwrap());
    service
        .operator
        .post(&format!("{path}/pause"), &json!({}))
        .await
        .expect(200);

    let answer = service
        .operator
        .post(&format!("{path}/test"), &to_bob())
        .await
        .expect(200);

    assert_eq!(answer["outcome"], "accepted");
    assert_eq!(names(&answer), STEPS);
    let mail = other.messages().remove(0);
    assert_eq!(from(&mail), "Letterhead <no-reply@relay.example>");
    assert!(text(&mail).contains("route other"), "{}", text(&mail));
    assert_eq!(service.inbox.connections(), 0);
    let unknown = json!({ "to": "bob@b.example", "settings": {} });
    let faults = service
        .operator
        .post(&format!("{path}/test"), &unknown)
        .await
        .problem(422, "validation_failed");
    assert_eq!(faults, [("/settings".to_owned(), "unknown_field".to_owned())]);
    other.play(Script::new().at(Step::Mail, [Behaviour::Reply("550 5.7.1 not you".to_owned())]));
    let failed = service
        .operator
        .post(&format!("{path}/test"), &to_bob())
        .await
        .expect(200);
    assert_eq!(failed["failure"]["code"], "sender_rejected");
}
