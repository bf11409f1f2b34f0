//! The test email's verdict over a real mail server: right in each case, with the saved settings left as they were and no
//! credential told to whoever should not have it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::secured_servers::{assert_nothing_leaked, with_both_doors, with_refusals};
use crate::support::{
    authority::{Authority, LOOPBACK, self_signed_identity_for},
    http::Client,
    mta::{Door, Mta, MtaOptions},
    service::Service,
    tap::Tap,
};

const SETTINGS: &str = "/v1/tenants/globex/email-settings";
const PASSWORD: &str = "correct horse battery staple";

/// A case: where, how, from whom, with what, to whom; and where the test ends, with which code.
struct Case {
    door: &'static str,
    security: &'static str,
    from: &'static str,
    password: &'static str,
    to: &'static str,
    ends: Option<(&'static str, &'static str)>,
}

/// What is right.
const RIGHT: Case = Case {
    door: "usual",
    security: "starttls",
    from: "pam@acme.example",
    password: PASSWORD,
    to: "bob@acme.example",
    ends: None,
};

fn cases() -> Vec<Case> {
    let invalid = Some(("tls", "tls_certificate_invalid"));
    let at = |door, security, ends| Case {
        door,
        security,
        ends,
        ..RIGHT
    };
    vec![
        RIGHT,
        at("usual", "starttls_optional", None),
        at("implicit", "implicit_tls", None),
        Case {
            password: "a guess",
            ends: Some(("authenticate", "authentication_failed")),
            ..RIGHT
        },
        at("expired", "starttls", invalid),
        at("expired, implicit", "implicit_tls", invalid),
        at("name", "starttls", invalid),
        at("name, implicit", "implicit_tls", invalid),
        at("self-signed", "starttls", invalid),
        at("self-signed, implicit", "implicit_tls", invalid),
        at("clear", "starttls", Some(("tls", "tls_not_offered"))),
        at("clear", "starttls_optional", Some(("tls", "tls_not_offered"))),
        at(
            "no auth",
            "starttls",
            Some(("authenticate", "authentication_not_offered")),
        ),
        Case {
            from: "ceo@acme.example",
            // Postfix refuses a sender only once it hears of a recipient.
            ends: Some(("rcpt_to", "sender_rejected")),
            ..RIGHT
        },
        Case {
            door: "early",
            from: "ceo@acme.example",
            ends: Some(("mail_from", "sender_rejected")),
            ..RIGHT
        },
        Case {
            to: "nobody@acme.example",
            ends: Some(("rcpt_to", "recipient_rejected")),
            ..RIGHT
        },
        Case {
            to: "grey@acme.example",
            ends: Some(("rcpt_to", "recipient_rejected")),
            ..RIGHT
        },
    ]
}

fn doors(ca: &Authority) -> MtaOptions {
    let good = || ca.identity_for(LOOPBACK);
    let options = with_refusals(MtaOptions::for_domain("acme.example").with_account("pam", PASSWORD), ca)
        .with_door("implicit", Door::implicit_tls(good()))
        .with_door("clear", Door::clear())
        .with_door("no auth", Door::starttls(good()).without_auth());
    let options = with_both_doors(
        options,
        ("expired", "expired, implicit"),
        &ca.expired_identity_for(LOOPBACK),
    );
    let options = with_both_doors(
        options,
        ("name", "name, implicit"),
        &ca.identity_for(["mail.initech.example"]),
    );
    with_both_doors(
        options,
        ("self-signed", "self-signed, implicit"),
        &self_signed_identity_for(LOOPBACK),
    )
}

fn settings(case: &Case, at: &Tap, ca: &Authority) -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": case.from,
            "smtp": { "email_server": at.addr().ip().to_string(), "port": at.addr().port(), "security": case.security,
                      "username": "pam", "password": case.password, "ca_certificate_pem": ca.pem() } })
}

/// A tenant that may test as often as it likes.
async fn globex(service: &Service) -> Client {
    let admin = service.tenant_of("globex", "on_premises").await;
    let limits = json!({ "limits": { "test_emails_per_minute": 1000, "test_emails_per_day": 1000 } });
    service.operator.patch("/v1/tenants/globex", &limits).await.expect(200);
    admin
}

/// The steps by their statuses: all before the one that fails went well, all behind it were not reached. Where TLS is from the
/// first octet the greeting comes behind it.
fn assert_ends_at(answer: &Value, failed: &str, security: &str) {
    let steps = answer["steps"].as_array().unwrap();
    let end = steps.iter().position(|step| step["name"] == failed).unwrap();
    assert_eq!(steps[end]["status"], "failed", "{answer:#}");
    for step in &steps[..end] {
        let is_behind = step["name"] == "greeting" && security == "implicit_tls" && failed == "tls";
        assert_eq!(step["status"], if is_behind { "skipped" } else { "ok" }, "{answer:#}");
    }
    for step in &steps[end + 1..] {
        assert_eq!(step["status"], "skipped", "{answer:#}");
    }
}

/// Neither the password nor what AUTH makes of it.
fn assert_tells_no_password(text: &str, password: &str) {
    for secret in [
        password.to_owned(),
        STANDARD.encode(password),
        STANDARD.encode(format!("\0pam\0{password}")),
    ] {
        assert!(!text.contains(&secret), "{text}");
    }
}

#[tokio::test]
async fn postfix_gets_the_right_verdict_from_the_test_email_in_each_case() {
    let ca = Authority::new();
    let Some(mta) = Mta::start(doors(&ca)).await else {
        return; // The runner has said that there is none.
    };
    let service = Service::start().await;
    let admin = globex(&service).await;
    let before = admin.get(SETTINGS).await.expect(200);
    for case in cases() {
        let tap = Tap::before(mta.door(case.door)).await;
        let body = json!({ "to": case.to, "settings": settings(&case, &tap, &ca) });

        let answer = admin.post(&format!("{SETTINGS}/test"), &body).await;

        assert_tells_no_password(&answer.text, case.password);
        assert_nothing_leaked(&tap);
        let answer = answer.expect(200);
        let failure = &answer["failure"];
        let said = failure["step"].as_str().zip(failure["code"].as_str());
        assert_eq!(said, case.ends, "{}, {}: {answer:#}", case.door, case.security);
        match case.ends {
            None => assert_eq!(answer["outcome"], "accepted"),
            Some((step, _)) => {
                assert_eq!(answer["outcome"], "failed");
                assert_ends_at(&answer, step, case.security);
                let hint = failure["hint"].as_str().unwrap();
                assert!(!hint.is_empty() && !hint.to_lowercase().contains("firewall"), "{hint}");
            }
        }
    }
    assert_eq!(admin.get(SETTINGS).await.expect(200), before);
    let accepted = cases().iter().filter(|case| case.ends.is_none()).count();
    assert_eq!(mta.mails(accepted).await.len(), accepted);
}

#[tokio::test]
async fn postfix_takes_a_tenants_mail_once_its_settings_are_saved_and_the_report_says_what_was_seen() {
    let ca = Authority::new();
    let Some(mta) = Mta::start(doors(&ca)).await else {
        return; // The runner has said that there is none.
    };
    let service = Service::start().await;
    let admin = globex(&service).await;
    let report = "/v1/tenants/globex/hardening-report";
    let tap = Tap::before(mta.door("usual")).await;
    admin.put(SETTINGS, &settings(&RIGHT, &tap, &ca)).await.expect(200);
    assert_eq!(certificate(&admin.get(report).await.expect(200))["status"], "unknown");

    let mail = json!({ "kind": "notification", "to": [{ "email": "bob@acme.example" }],
                       "data": { "subject": "A secret expires", "body_markdown": "It **expires**." } });
    admin.post("/v1/tenants/globex/messages", &mail).await.expect(202);

    assert_eq!(mta.mails(1).await.len(), 1);
    let seen = until(&admin, report, "pass").await;
    assert!(seen["evidence"].as_str().unwrap().contains("TLSv1.3"), "{seen}");
    assert_nothing_leaked(&tap);

    let expired = Tap::before(mta.door("expired")).await;
    admin.put(SETTINGS, &settings(&RIGHT, &expired, &ca)).await.expect(200);
    assert_eq!(certificate(&admin.get(report).await.expect(200))["status"], "unknown");
    admin.post("/v1/tenants/globex/messages", &mail).await.expect(202);
    let seen = until(&admin, report, "fail").await;
    assert!(seen["evidence"].as_str().unwrap().contains("expired"), "{seen}");
    assert_nothing_leaked(&expired);
}

fn certificate(report: &Value) -> &Value {
    let items = report["items"].as_array().unwrap();
    items.iter().find(|item| item["id"] == "certificate_verified").unwrap()
}

/// Waits until the certificate stands so in the report.
async fn until(client: &Client, report: &str, status: &str) -> Value {
    let deadline = tokio::time::Instant::now() + crate::support::service::PATIENCE;
    loop {
        let found = client.get(report).await.expect(200);
        if certificate(&found)["status"] == status {
            return certificate(&found).clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "still {found:#}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn postfix_gets_the_right_verdict_as_a_route_of_the_relay_too() {
    let ca = Authority::new();
    let Some(mta) = Mta::start(doors(&ca)).await else {
        return; // The runner has said that there is none.
    };
    let service = Service::start().await;
    let route = json!({ "name": "postfix", "email_server": "localhost", "port": mta.door("no auth").port(),
                        "security": "starttls", "ca_certificate_pem": ca.pem() });
    let route = service.operator.post("/v1/relay/routes", &route).await.expect(201);
    let route = format!("/v1/relay/routes/{}", route["id"].as_str().unwrap());
    for (change, to, ends) in [
        (json!({}), "bob@acme.example", None),
        (
            json!({}),
            "nobody@acme.example",
            Some(("rcpt_to", "recipient_rejected")),
        ),
        (
            json!({ "port": mta.door("expired").port() }),
            "bob@acme.example",
            Some(("tls", "tls_certificate_invalid")),
        ),
        (
            json!({ "port": mta.door("usual").port(), "username": "pam", "password": "a guess" }),
            "bob@acme.example",
            Some(("authenticate", "authentication_failed")),
        ),
    ] {
        service.operator.patch(&route, &change).await.expect(200);
        let answer = service
            .operator
            .post(&format!("{route}/test"), &json!({ "to": to }))
            .await
            .expect(200);
        let failure = &answer["failure"];
        let said = failure["step"].as_str().zip(failure["code"].as_str());
        assert_eq!(said, ends, "{answer:#}");
    }
}
