//! Routes over REST: write-only passwords that go nowhere but where they were given for.

use serde_json::{Value, json};

use crate::support::service::{Service, notification};

const PATH: &str = "/v1/relay/routes";

fn with_password() -> Value {
    json!({ "name": "eu", "email_server": "smtp.relay.example", "username": "letterhead", "password": "canary-password" })
}

#[tokio::test]
async fn a_route_has_defaults_and_never_shows_its_password() {
    let service = Service::start().await;
    let made = service.operator.post(PATH, &with_password()).await;
    let route = made.expect(201);
    assert_eq!(
        (
            &route["port"],
            &route["security"],
            &route["max_connections"],
            &route["weight"]
        ),
        (&json!(587), &json!("starttls"), &json!(10), &json!(1))
    );
    assert_eq!(
        (
            &route["password_set"],
            &route["priority"],
            &route["messages_per_second"]
        ),
        (&json!(true), &json!(0), &json!(null))
    );
    let listed = service.operator.get(PATH).await;
    assert!(!made.text.contains("canary") && !listed.text.contains("canary"));
}

#[tokio::test]
async fn a_stored_password_is_bound_to_every_field_that_decides_where_it_goes() {
    let service = Service::start().await;
    let route = service.operator.post(PATH, &with_password()).await.expect(201);
    let path = format!("{PATH}/{}", route["id"].as_str().unwrap());
    for change in [
        json!({ "email_server": "smtp.evil.example" }),
        json!({ "port": 2525 }),
        json!({ "security": "implicit_tls" }),
        json!({ "security": "starttls_optional" }),
        json!({ "username": "somebody" }),
        json!({ "ca_certificate_pem": certificate() }),
    ] {
        let faults = service
            .operator
            .patch(&path, &change)
            .await
            .problem(422, "validation_failed");
        assert_eq!(
            faults,
            [("/password".to_owned(), "password_required".to_owned())],
            "{change}"
        );
    }
    assert_eq!(
        service.operator.patch(&path, &json!({ "weight": 5 })).await.expect(200)["password_set"],
        true
    );
    let moved = json!({ "email_server": "smtp2.relay.example", "password": "another" });
    assert_eq!(
        service.operator.patch(&path, &moved).await.expect(200)["email_server"],
        "smtp2.relay.example"
    );
    assert_eq!(
        service
            .operator
            .patch(&path, &json!({ "password": null }))
            .await
            .expect(200)["password_set"],
        false
    );
}

fn certificate() -> String {
    rcgen::generate_simple_self_signed(["smtp.relay.example".to_owned()])
        .unwrap()
        .cert
        .pem()
}

#[tokio::test]
async fn credentials_in_clear_odd_servers_and_broken_certificates_are_refused() {
    let service = Service::start().await;
    let with = |field: &str, value: Value| {
        let mut route = with_password();
        route[field] = value;
        route
    };
    for (route, pointer, code) in [
        (with("security", json!("none")), "/security", "credentials_need_tls"),
        (with("email_server", json!("[::1]")), "/email_server", "invalid"),
        (with("email_server", json!("127.1")), "/email_server", "invalid"),
        (with("port", json!(0)), "/port", "out_of_range"),
        (with("port", json!(65536)), "/port", "out_of_range"),
        (
            with("ca_certificate_pem", json!("nonsense")),
            "/ca_certificate_pem",
            "invalid",
        ),
        (with("name", json!(null)), "/name", "required"),
        (with("password", json!("a\u{0}b")), "/password", "invalid"),
        (with("id", json!("x")), "/id", "unknown_field"),
        (with("username", json!(null)), "/username", "required"),
    ] {
        let faults = service
            .operator
            .post(PATH, &route)
            .await
            .problem(422, "validation_failed");
        assert_eq!(faults, [(pointer.to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn mail_waits_while_every_route_is_paused_and_says_so() {
    let service = Service::start().await;
    let admin = service.tenant("acme").await;
    let only = service.operator.get(PATH).await.expect(200)["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    service
        .operator
        .post(&format!("{PATH}/{only}/pause"), &json!({ "reason": "Maintenance" }))
        .await
        .expect(200);
    let message = admin
        .post("/v1/tenants/acme/messages", &notification())
        .await
        .expect(202);
    let path = format!("/v1/tenants/acme/messages/{}/explain", message["id"].as_str().unwrap());
    let waiting = admin.get(&path).await.expect(200);
    assert_eq!(
        (&waiting["status"], &waiting["deliveries"][0]["held_by"]),
        (&json!("queued"), &json!("no_route"))
    );

    service
        .operator
        .post(&format!("{PATH}/{only}/resume"), &json!({}))
        .await
        .expect(200);

    service.until(&message, "sent").await;
}

#[tokio::test]
async fn a_deleted_route_is_gone() {
    let service = Service::start().await;
    let route = service.operator.post(PATH, &with_password()).await.expect(201);
    let path = format!("{PATH}/{}", route["id"].as_str().unwrap());
    assert_eq!(service.operator.delete(&path).await.status, 204);
    service.operator.get(&path).await.problem(404, "not_found");
    service
        .operator
        .get(&format!("{PATH}/nonsense"))
        .await
        .problem(404, "not_found");
}
