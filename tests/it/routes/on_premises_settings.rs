//! An on-premises tenant's settings: its whole connection, with a password that is never read and goes nowhere else.

use std::{net::SocketAddr, time::Duration};

use domain::{
    branding::Branding,
    connection::{Connection, Credentials, EmailSettings, Proof, Security, SmtpServer},
    secret::secret_text,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::secrets::graph_mailer;
use crate::support::{
    http::Client,
    service::{Service, code, notification, own_server},
};

const PATH: &str = "/v1/tenants/globex/email-settings";

fn smtp() -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
            "smtp": { "email_server": "smtp.globex.example", "username": "pam", "password": "canary-own-password" } })
}

fn o365(secret: &str) -> Value {
    json!({ "send_email_method": "o365", "from_email_address": "pam@globex.example",
            "o365": { "send_email_application_secret_id": secret } })
}

/// The settings with a member of `smtp` changed.
fn with(name: &str, value: Value) -> Value {
    let mut settings = smtp();
    settings["smtp"][name] = value;
    settings
}

/// The settings without their password.
fn without_password(mut settings: Value) -> Value {
    settings["smtp"].as_object_mut().unwrap().remove("password");
    settings
}

fn owned(faults: &[(&str, &str)]) -> Vec<(String, String)> {
    faults
        .iter()
        .map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned()))
        .collect()
}

fn certificate() -> String {
    rcgen::generate_simple_self_signed(["smtp.globex.example".to_owned()])
        .unwrap()
        .cert
        .pem()
}

async fn secret(admin: &Client, slug: &str, secret: &Value) -> String {
    let made = admin
        .post(&format!("/v1/tenants/{slug}/secrets"), secret)
        .await
        .expect(201);
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_unconfigured_tenant_is_told_what_there_is_to_configure() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let settings = admin.get(PATH).await.expect(200);
    assert_eq!(
        (
            &settings["configured"],
            &settings["version"],
            &settings["send_email_method"]
        ),
        (&json!(false), &json!(0), &json!(null))
    );
    let labels: Vec<_> = settings["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["label"].as_str().unwrap())
        .collect();
    assert_eq!(
        labels,
        [
            "Send email method",
            "From Email Address",
            "From Email Name",
            "Email Server",
            "Port",
            "Security",
            "Username",
            "Password",
            "CA Certificate",
            "Send Email Application Secret",
            "Cloud",
            "Save to Sent Items"
        ]
    );
    let messages = "/v1/tenants/globex/messages";
    admin.post(messages, &code()).await.problem(409, "email_not_configured");
}

#[tokio::test]
async fn smtp_settings_have_defaults_and_never_show_their_password() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let saved = admin.put(PATH, &smtp()).await;
    let settings = saved.expect(200);
    assert_eq!(saved.header("etag"), "\"1\"");
    assert_eq!(
        settings["smtp"],
        json!({ "email_server": "smtp.globex.example", "port": 587, "security": "starttls", "username": "pam",
                "password_set": true, "ca_certificate_pem": null })
    );
    assert_eq!(
        (
            &settings["configured"],
            &settings["tested"],
            &settings["o365"],
            &settings["from_email_name"]
        ),
        (&json!(true), &json!(false), &json!(null), &json!(null))
    );
    assert_eq!(
        settings["effective_from"],
        json!({ "header": "pam@globex.example", "reply_to": null, "reason": "on_premises" })
    );
    let pointers: Vec<_> = settings["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["pointer"].clone())
        .collect();
    assert!(pointers.contains(&json!("/smtp/port")) && !pointers.contains(&json!("/o365/cloud")));
    let read = admin.get(PATH).await;
    assert_eq!(read.expect(200), settings);
    assert!(!saved.text.contains("canary") && !read.text.contains("canary"));
    for (security, port) in [("implicit_tls", 465), ("starttls", 587), ("starttls_optional", 587)] {
        let saved = admin.put(PATH, &with("security", json!(security))).await.expect(200);
        assert_eq!(saved["smtp"]["port"], port);
    }
    let clear = json!({ "send_email_method": "smtp", "from_email_address": "\"it desk\"@globex.example",
                        "from_email_name": "Pam", "o365": null,
                        "smtp": { "email_server": "2001:db8::25", "security": "none", "password": null } });
    let saved = admin.put(PATH, &clear).await.expect(200);
    assert_eq!(
        (&saved["smtp"]["port"], &saved["smtp"]["password_set"]),
        (&json!(25), &json!(false))
    );
    assert_eq!(saved["effective_from"]["header"], "Pam <\"it desk\"@globex.example>");
}

#[tokio::test]
async fn every_fault_of_the_settings_is_listed_and_nothing_is_saved() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let bad = json!({ "send_email_method": "smtp", "from_email_address": "nobody", "from_email_name": "ceo@globex",
                      "verified": true, "o365": { "cloud": "mars", "x": 1 },
                      "smtp": { "email_server": "127.1", "port": 0, "security": "tls", "username": "",
                                "password": "a\u{0}b", "ca_certificate_pem": "nonsense", "host": "x" } });
    let expected = owned(&[
        ("/from_email_address", "invalid"),
        ("/from_email_name", "invalid"),
        ("/o365", "invalid"),
        ("/o365/cloud", "invalid"),
        ("/o365/send_email_application_secret_id", "required"),
        ("/o365/x", "unknown_field"),
        ("/smtp/ca_certificate_pem", "invalid"),
        ("/smtp/email_server", "invalid"),
        ("/smtp/host", "unknown_field"),
        ("/smtp/password", "invalid"),
        ("/smtp/port", "out_of_range"),
        ("/smtp/security", "invalid"),
        ("/smtp/username", "required"),
        ("/verified", "unknown_field"),
    ]);
    assert_eq!(admin.put(PATH, &bad).await.problem(422, "validation_failed"), expected);
    for (body, faults) in [
        (
            json!({}),
            vec![("/from_email_address", "required"), ("/send_email_method", "required")],
        ),
        (json!([]), vec![("", "invalid")]),
        (
            json!({ "send_email_method": "smtp", "from_email_address": null }),
            vec![("/from_email_address", "required"), ("/smtp", "required")],
        ),
        (
            json!({ "send_email_method": "smtp", "from_email_address": "a@b.example", "smtp": {} }),
            vec![("/smtp/email_server", "required")],
        ),
        (
            json!({ "send_email_method": "o365", "from_email_address": "a@b.example" }),
            vec![("/o365", "required")],
        ),
        (
            with("security", json!("none")),
            vec![("/smtp/security", "credentials_need_tls")],
        ),
        (with("username", json!(null)), vec![("/smtp/username", "required")]),
        (
            with("email_server", json!("[::1]")),
            vec![("/smtp/email_server", "invalid")],
        ),
        (
            with("email_server", json!("0x7f000001")),
            vec![("/smtp/email_server", "invalid")],
        ),
        (
            with("password", json!("x".repeat(1025))),
            vec![("/smtp/password", "too_long")],
        ),
    ] {
        let found = admin.put(PATH, &body).await.problem(422, "validation_failed");
        assert_eq!(found, owned(&faults), "{body}");
    }
    assert_eq!(admin.get(PATH).await.expect(200)["version"], 0);
}

#[tokio::test]
async fn a_stored_password_is_kept_only_while_all_of_its_destination_stays_as_it_is() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    admin.put(PATH, &smtp()).await.expect(200);
    let required = ("/smtp/password", "password_required");
    for (name, value, faults) in [
        ("email_server", json!("smtp.evil.example"), vec![required]),
        ("port", json!(2525), vec![required]),
        ("security", json!("implicit_tls"), vec![required]),
        ("security", json!("starttls_optional"), vec![required]),
        (
            "security",
            json!("none"),
            vec![required, ("/smtp/security", "credentials_need_tls")],
        ),
        ("username", json!("eve"), vec![required]),
        ("username", json!(null), vec![required]),
        ("ca_certificate_pem", json!(certificate()), vec![required]),
    ] {
        let changed = without_password(with(name, value));
        let found = admin.put(PATH, &changed).await.problem(422, "validation_failed");
        assert_eq!(found, owned(&faults), "{changed}");
    }
    let mut renamed = without_password(smtp());
    renamed["from_email_name"] = json!("Pam");
    assert_eq!(
        admin.put(PATH, &renamed).await.expect(200)["smtp"]["password_set"],
        true
    );
    let moved = with("port", json!(2525));
    assert_eq!(admin.put(PATH, &moved).await.expect(200)["smtp"]["password_set"], true);
    let removed = with("password", json!(null));
    assert_eq!(
        admin.put(PATH, &removed).await.expect(200)["smtp"]["password_set"],
        false
    );
    let nothing_to_keep = without_password(with("port", json!(26)));
    assert_eq!(
        admin.put(PATH, &nothing_to_keep).await.expect(200)["smtp"]["password_set"],
        false
    );
}

#[tokio::test]
async fn a_password_does_not_come_back_by_way_of_another_method() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    admin.put(PATH, &smtp()).await.expect(200);
    let id = secret(&admin, "globex", &graph_mailer()).await;
    admin.put(PATH, &o365(&id)).await.expect(200);
    let saved = admin.put(PATH, &without_password(smtp())).await.expect(200);
    assert_eq!(saved["smtp"]["password_set"], false);
}

#[tokio::test]
async fn o365_settings_need_a_complete_secret_of_this_tenant() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let other = service.tenant_of("initech", "on_premises").await;
    let mut incomplete = graph_mailer();
    incomplete["fields"]["client_secret"] = json!(null);
    let ids = [
        secret(&other, "initech", &graph_mailer()).await,
        "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8d".to_owned(),
        "nonsense".to_owned(),
    ];
    for id in ids {
        let faults = admin.put(PATH, &o365(&id)).await.problem(422, "validation_failed");
        assert_eq!(
            faults,
            owned(&[("/o365/send_email_application_secret_id", "invalid")]),
            "{id}"
        );
    }
    let half = admin.post("/v1/tenants/globex/secrets", &incomplete).await;
    if half.status == 201 {
        let id = half.json()["id"].as_str().unwrap().to_owned();
        admin.put(PATH, &o365(&id)).await.problem(422, "validation_failed");
    }

    let id = secret(&admin, "globex", &graph_mailer()).await;
    let saved = admin.put(PATH, &o365(&id)).await.expect(200);

    assert_eq!(
        (&saved["o365"], &saved["smtp"], &saved["configured"]),
        (
            &json!({ "send_email_application_secret_id": id, "cloud": "global", "save_to_sent_items": false }),
            &json!(null),
            &json!(true)
        )
    );
    let in_use = format!("/v1/tenants/globex/secrets/{id}");
    admin.delete(&in_use).await.problem(409, "conflict");
}

#[tokio::test]
async fn what_microsoft_could_never_take_is_refused_at_submission() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let id = secret(&admin, "globex", &graph_mailer()).await;
    admin.put(PATH, &o365(&id)).await.expect(200);
    let system = |text: String| {
        json!({ "kind": "system", "to": [{ "email": "bob@acme.example" }],
                "data": { "subject": "Report", "body_text": text } })
    };
    let (large, small) = (system("\u{fc}".repeat(500_000)), system("a".repeat(500_000)));

    let messages = "/v1/tenants/globex/messages";
    admin.post(messages, &large).await.problem(413, "payload_too_large");
    let batch = json!({ "messages": [large, small] });
    let answer = admin.post(&format!("{messages}/batch"), &batch).await.expect(202);
    assert_eq!(
        (
            &answer["results"][0]["problem"]["code"],
            &answer["results"][1]["status"]
        ),
        (&json!("payload_too_large"), &json!(202))
    );

    admin.put(PATH, &own_server(service.inbox.addr())).await.expect(200);
    admin.post(messages, &large).await.expect(202);
}

#[tokio::test]
async fn validate_only_answers_alike_and_saves_nothing() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let path = format!("{PATH}?validate_only=true");
    let checked = admin.put(&path, &smtp()).await.expect(200);
    assert_eq!(admin.get(PATH).await.expect(200)["version"], 0);
    let saved = admin.put(PATH, &smtp()).await.expect(200);
    assert_eq!(
        (&checked["smtp"], &checked["configured"]),
        (&saved["smtp"], &saved["configured"])
    );
    let moved = without_password(with("port", json!(25)));
    admin.put(&path, &moved).await.problem(422, "validation_failed");
    let stale = admin
        .request(Method::PUT, &path)
        .header("if-match", "\"7\"")
        .json(&smtp());
    admin.send(stale).await.problem(412, "precondition_failed");
}

/// The settings that [`own_server`] writes.
fn parsed(to: SocketAddr) -> EmailSettings {
    EmailSettings::OnPremises {
        branding: Some(Branding {
            from_address: "pam@globex.example".parse().unwrap(),
            from_name: None,
        }),
        connection: Some(Connection::Smtp(SmtpServer {
            host: to.ip().to_string().parse().unwrap(),
            port: to.port(),
            security: Security::None,
            credentials: None,
            ca_certificate_pem: None,
        })),
    }
}

#[tokio::test]
async fn where_people_sign_in_by_code_an_untested_connection_is_not_saved_unless_somebody_says_so() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let inbox = service.inbox.addr();
    let moved = own_server(SocketAddr::new(inbox.ip(), 2525));
    let untested = |path: &str| format!("{path}?override=untested");
    admin.put(PATH, &own_server(inbox)).await.expect(200);
    admin.put(PATH, &moved).await.expect(200);
    admin.put(PATH, &own_server(inbox)).await.expect(200);
    admin.post("/v1/tenants/globex/messages", &code()).await.expect(202);

    admin.put(PATH, &moved).await.problem(409, "untested_settings");
    admin
        .put(&format!("{PATH}?validate_only=true"), &moved)
        .await
        .problem(409, "untested_settings");
    let restore = format!("{PATH}/versions/2/restore");
    admin.post(&restore, &json!({})).await.problem(409, "untested_settings");
    let nonsense = admin.put(&format!("{PATH}?override=all"), &moved).await;
    assert_eq!(
        nonsense.problem(422, "validation_failed"),
        owned(&[("/override", "invalid")])
    );
    let mut renamed = own_server(inbox);
    renamed["from_email_name"] = json!("Pam");
    admin.put(PATH, &renamed).await.expect(200);
    admin.put(&untested(PATH), &moved).await.expect(200);
    let first = format!("{PATH}/versions/1/restore");
    assert_eq!(
        admin.post(&untested(&first), &json!({})).await.expect(200)["version"],
        6
    );

    let tested = SocketAddr::new(inbox.ip(), 2525);
    service.note_passed_test("globex", &parsed(tested)).await;

    let saved = admin.put(PATH, &moved).await.expect(200);
    assert_eq!((&saved["tested"], &saved["version"]), (&json!(true), &json!(7)));
}

#[tokio::test]
async fn codes_of_long_ago_and_other_mail_guard_nothing() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    let inbox = service.inbox.addr();
    let moved = |port| own_server(SocketAddr::new(inbox.ip(), port));
    admin.put(PATH, &own_server(inbox)).await.expect(200);
    let messages = "/v1/tenants/globex/messages";
    admin.post(messages, &notification()).await.expect(202);
    admin.put(PATH, &moved(2525)).await.expect(200);
    admin.post(messages, &code()).await.expect(202);
    admin.put(PATH, &moved(2526)).await.problem(409, "untested_settings");

    let service = service.later(Duration::from_hours(24 * 30 + 1)).await;

    service.operator.put(PATH, &moved(2526)).await.expect(200);
}

/// The settings that [`smtp`] writes, with this name and password.
fn parsed_smtp(name: Option<&str>, password: &str) -> EmailSettings {
    EmailSettings::OnPremises {
        branding: Some(Branding {
            from_address: "pam@globex.example".parse().unwrap(),
            from_name: name.map(|name| name.parse().unwrap()),
        }),
        connection: Some(Connection::Smtp(SmtpServer {
            host: "smtp.globex.example".parse().unwrap(),
            port: 587,
            security: Security::StartTls,
            credentials: Some(Credentials {
                username: "pam".to_owned(),
                proof: Proof::Password(secret_text(password)),
            }),
            ca_certificate_pem: None,
        })),
    }
}

#[tokio::test]
async fn saves_without_a_password_never_put_an_older_one_back() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    admin.put(PATH, &smtp()).await.expect(200);
    let renamed = |name: &str| {
        let mut settings = without_password(smtp());
        settings["from_email_name"] = json!(name);
        settings
    };
    let (one, other) = (renamed("Pam"), renamed("Jim"));
    for round in 0..8 {
        let password = format!("canary-{round}");
        for name in [None, Some("Pam"), Some("Jim")] {
            let settings = parsed_smtp(name, &password);
            service.note_passed_test("globex", &settings).await;
        }
        let changed = with("password", json!(password));

        let answers = tokio::join!(
            admin.put(PATH, &one),
            admin.put(PATH, &changed),
            admin.put(PATH, &other)
        );

        for answer in [answers.0, answers.1, answers.2] {
            answer.expect(200);
        }
        // Only with the password of this round.
        assert_eq!(admin.get(PATH).await.expect(200)["tested"], true, "round {round}");
    }
}

#[tokio::test]
async fn a_version_has_one_spelling() {
    let service = Service::start().await;
    let admin = service.tenant_of("globex", "on_premises").await;
    admin.put(PATH, &smtp()).await.expect(200);
    for odd in ["01", "+1", "%2B1"] {
        let path = format!("{PATH}/versions/{odd}/restore");
        admin.post(&path, &json!({})).await.problem(404, "not_found");
    }
}
