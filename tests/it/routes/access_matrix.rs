//! Who may do what: every operation of the document, for every role, edition and tenant, as a text to read.
//!
//! An operation without an example path fails here, so a new one cannot be forgotten.

use std::{collections::BTreeMap, fmt::Write as _};

use domain::ids::{IdSource as _, TimeOrderedIds};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    http::Client,
    service::{Service, notification, own_server},
};

/// The ids that stand for the path's parameters.
struct Objects {
    message: String,
    client: String,
    operator_client: String,
    route: String,
    secret: String,
}

#[tokio::test]
async fn every_operation_answers_every_caller_as_the_matrix_says() {
    let service = Service::start().await;
    let document = service.nobody().get("/openapi.json").await.expect(200);
    let callers = callers(&service).await;
    let mut matrix = String::new();
    for (edition, slug) in [("cloud", "acme"), ("on_premises", "globex")] {
        let mut objects = objects(&service, slug).await;
        for (path, method, id) in operations(&document) {
            let mut line = format!("{edition:<11} {id:<24}");
            for (name, caller) in &callers {
                if method == Method::DELETE {
                    // The caller before may have been let through.
                    objects = self::objects(&service, slug).await;
                }
                let path = filled(&path, slug, &objects);
                let status = ask(caller, &method, &path).await;
                write!(line, " {name}={}", verdict(status)).unwrap();
            }
            matrix.push_str(&line);
            matrix.push('\n');
        }
    }
    insta::assert_snapshot!(matrix);
}

/// Nobody, the operator, and each role of the tenant and of another one of the same edition.
async fn callers(service: &Service) -> Vec<(String, Client)> {
    let mut callers = vec![
        ("none".to_owned(), service.nobody()),
        ("operator".to_owned(), service.operator.clone()),
    ];
    for (slug, edition) in [("acme", "cloud"), ("globex", "on_premises"), ("other", "cloud")] {
        service.tenant_of(slug, edition).await;
        for role in ["tenant_admin", "tenant_auditor", "sender"] {
            callers.push((format!("{slug}/{role}"), service.client(slug, role).await));
        }
    }
    callers
}

async fn objects(service: &Service, slug: &str) -> Objects {
    if slug == "globex" {
        let settings = own_server(service.inbox.addr());
        let path = format!("/v1/tenants/{slug}/email-settings");
        service.operator.put(&path, &settings).await.expect(200);
    }
    let client = json!({ "name": "spare", "roles": ["sender"] });
    let client = service
        .operator
        .post(&format!("/v1/tenants/{slug}/api-clients"), &client)
        .await
        .expect(201);
    let message = service
        .operator
        .post(&format!("/v1/tenants/{slug}/messages"), &notification())
        .await
        .json();
    let operator_client = service
        .operator
        .post("/v1/operator/api-clients", &json!({ "name": "spare" }))
        .await
        .expect(201);
    let name = TimeOrderedIds.next().to_string();
    let route = service
        .operator
        .post(
            "/v1/relay/routes",
            &json!({ "name": name, "email_server": "smtp.relay.example" }),
        )
        .await
        .expect(201);
    let secret = service
        .operator
        .post(&format!("/v1/tenants/{slug}/secrets"), &super::secrets::graph_mailer())
        .await
        .json();
    let id = |value: &Value| {
        value["id"]
            .as_str()
            .map_or_else(|| TimeOrderedIds.next().to_string(), str::to_owned)
    };
    Objects {
        message: id(&message),
        client: id(&client),
        operator_client: id(&operator_client),
        route: id(&route),
        secret: id(&secret),
    }
}

fn operations(document: &Value) -> Vec<(String, Method, String)> {
    let paths = document["paths"].as_object().unwrap();
    let mut found = BTreeMap::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let id = operation["operationId"].as_str().unwrap().to_owned();
            found.insert(id.clone(), (path.clone(), method, id));
        }
    }
    found.into_values().collect()
}

/// A path whose every parameter names something that exists in this tenant, or at least could.
fn filled(path: &str, slug: &str, objects: &Objects) -> String {
    let id = match path {
        path if path.contains("/messages/{id}") => &objects.message,
        path if path.contains("/operator/api-clients/{id}") => &objects.operator_client,
        path if path.contains("/api-clients/{id}") => &objects.client,
        path if path.contains("/relay/routes/{id}") => &objects.route,
        path if path.contains("/hardening-report/{id}") => "require_smtp_ssl",
        path if path.contains("/secrets/{id}") => &objects.secret,
        path => {
            assert!(!path.contains("{id}"), "{path} needs an example in this test");
            &objects.client
        }
    };
    let filled = path.replace("{tenant}", slug).replace("{id}", id).replace("{n}", "1");
    assert!(!filled.contains('{'), "{path} needs an example in this test");
    filled
}

/// Asks with a body that nothing accepts, so that nothing changes: who may act gets as far as its faults.
async fn ask(caller: &Client, method: &Method, path: &str) -> u16 {
    let mut request = caller.request(method.clone(), path);
    if method != Method::GET {
        request = request
            .header("content-type", "application/x-nothing")
            .header("if-match", "\"-7\"")
            .body("nothing");
    }
    if method == Method::DELETE {
        request = caller.request(method.clone(), &format!("{path}?nothing=1"));
    }
    caller.send(request).await.status
}

/// What the caller learns: not known, too small a role, not there, or let through.
const fn verdict(status: u16) -> &'static str {
    match status {
        401 => "401",
        403 => "403",
        404 => "404",
        500.. => "FAILED",
        _ => "may",
    }
}
