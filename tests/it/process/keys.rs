//! A new master key: what was sealed opens with it, with the old one nothing does, and no moment is a bad one to die at.

use std::{fs, os::unix::process::ExitStatusExt as _, path::Path, process::Output};

use serde_json::{Value, json};

use crate::support::{
    environment::{POSTGRES, told_by_runner},
    http::Client,
    process::Home,
};

/// What `abort` ends a process with.
const SIGABRT: i32 = 6;
const SECRETS: &str = "/v1/tenants/globex/secrets";

fn mailer() -> Value {
    json!({ "name": "Graph mailer", "template": "azure_application",
            "fields": { "client_id": "6731de76-14a6-49ae-97bc-6eba6914391e", "client_secret": "canary-client-secret",
                        "tenant_id": "72f988bf-86f1-41af-91ab-2d7cd011db47" } })
}

fn own_server() -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": "pam@hooli.example",
            "smtp": { "email_server": "smtp.hooli.example", "username": "pam", "password": "canary" } })
}

/// What tenants sealed (a client secret in use, a password), and what the provider did.
async fn fill(operator: &Client) {
    let tenant = json!({ "slug": "globex", "name": "Globex", "edition": "on_premises" });
    operator.post("/v1/tenants", &tenant).await.expect(201);
    let secret = operator.post(SECRETS, &mailer()).await.expect(201);
    let o365 = json!({ "send_email_method": "o365", "from_email_address": "pam@globex.example",
                       "o365": { "send_email_application_secret_id": secret["id"] } });
    operator
        .put("/v1/tenants/globex/email-settings", &o365)
        .await
        .expect(200);
    let tenant = json!({ "slug": "hooli", "name": "Hooli", "edition": "on_premises" });
    operator.post("/v1/tenants", &tenant).await.expect(201);
    operator
        .put("/v1/tenants/hooli/email-settings", &own_server())
        .await
        .expect(200);
    let route =
        json!({ "name": "smarthost", "email_server": "smtp.example.com", "username": "relay", "password": "canary" });
    operator.post("/v1/relay/routes", &route).await.expect(201);
}

/// Asserts that all of it still opens: a client secret that is kept is sealed anew, a route is read with its password.
async fn assert_readable(operator: &Client) {
    let secret = operator.get(SECRETS).await.expect(200)["items"][0].clone();
    let mut kept = mailer();
    kept["fields"].as_object_mut().unwrap().remove("client_secret");
    let path = format!("{SECRETS}/{}", secret["id"].as_str().unwrap());
    assert_eq!(operator.put(&path, &kept).await.expect(200)["client_secret_set"], true);
    let o365 = operator.get("/v1/tenants/globex/email-settings").await.expect(200);
    assert_eq!(
        (&o365["configured"], &o365["o365"]["send_email_application_secret_id"]),
        (&json!(true), &secret["id"])
    );
    let mut smtp = own_server();
    smtp["smtp"].as_object_mut().unwrap().remove("password");
    let smtp = operator
        .put("/v1/tenants/hooli/email-settings", &smtp)
        .await
        .expect(200);
    assert_eq!(
        (&smtp["configured"], &smtp["smtp"]["password_set"]),
        (&json!(true), &json!(true))
    );
    let routes = operator.get("/v1/relay/routes").await.expect(200);
    assert_eq!(routes["items"][0]["password_set"], true);
}

/// A home with sealed values and nobody at home.
async fn filled() -> Home {
    let home = Home::new();
    let serving = home.serve().await;
    fill(&home.operator().await).await;
    assert_eq!(serving.terminate().await, Some(0));
    home
}

async fn assert_readable_after_a_start(home: &Home) {
    let serving = home.serve().await;
    assert_readable(&home.operator().await).await;
    assert_eq!(serving.terminate().await, Some(0));
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn assert_rotates(home: &Home) {
    let output = home.run(&["keys", "rotate"]);
    assert!(output.status.success(), "{}", said(&output));
}

/// The key of a file of the data folder.
fn key(home: &Home, name: &str) -> String {
    fs::read_to_string(home.folder.path().join(name)).unwrap()
}

fn assert_opens_nothing(home: &Home, key: &str) {
    let output = home
        .command(&["migrate"])
        .env("LETTERHEAD_MASTER_KEY", key.trim())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("the master key is not the one this database was made with"));
}

#[tokio::test]
async fn what_was_sealed_survives_a_rotation_and_a_restart_and_the_old_key_opens_nothing() {
    let home = filled().await;
    let old = key(&home, "master.key");

    assert_rotates(&home);

    let new = key(&home, "master.key");
    assert_ne!(new, old);
    assert_readable_after_a_start(&home).await;
    assert_opens_nothing(&home, &old);
    let names = fs::read_dir(home.folder.path()).unwrap();
    let names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let retired: Vec<_> = names.iter().filter(|name| name.starts_with("master.key.")).collect();
    assert!(
        retired.len() == 1 && retired[0].starts_with("master.key.retired-"),
        "{names:?}"
    );
    assert_eq!(key(&home, retired[0]), old);
}

#[tokio::test]
async fn a_rotation_that_dies_loses_nothing_and_can_be_done_again() {
    let home = filled().await;
    for point in ["before-rotate-commit", "after-rotate-commit"] {
        let old = key(&home, "master.key");

        let died = home
            .command(&["keys", "rotate"])
            .env("FAILPOINTS", format!("{point}=return"))
            .output()
            .unwrap();

        assert_eq!(died.status.signal(), Some(SIGABRT), "{point}: {}", said(&died));
        let next = key(&home, "master.key.next");
        assert_ne!(next, old);
        assert_readable_after_a_start(&home).await;
        let committed = point == "after-rotate-commit";
        assert_eq!(
            key(&home, "master.key"),
            if committed { next } else { old.clone() },
            "{point}"
        );
        if committed {
            assert_opens_nothing(&home, &old);
        }
        assert_rotates(&home);
        assert_readable_after_a_start(&home).await;
        assert!(!home.folder.path().join("master.key.next").exists());
    }
}

#[tokio::test]
async fn a_rotation_beside_a_running_service_is_refused_or_unnoticed() {
    let home = Home::new();
    let serving = home.serve().await;
    let operator = home.operator().await;
    fill(&operator).await;
    let output = home.run(&["keys", "rotate"]);
    if told_by_runner(POSTGRES).is_none() {
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains("another letterhead serves the database"));
        assert!(!home.folder.path().join("master.key.next").exists());
        return;
    }
    assert!(output.status.success(), "{}", said(&output));
    assert_readable(&operator).await;
    // Its key has to be wrapped by the process that was started with the old one.
    let tenant = json!({ "slug": "initech", "name": "Initech", "edition": "on_premises" });
    operator.post("/v1/tenants", &tenant).await.expect(201);
    operator
        .post("/v1/tenants/initech/secrets", &mailer())
        .await
        .expect(201);
    assert_eq!(serving.terminate().await, Some(0));
    assert_readable_after_a_start(&home).await;
    let _serving = home.serve().await;
    let path = "/v1/tenants/initech/secrets";
    let operator = home.operator().await;
    let id = operator.get(path).await.expect(200)["items"][0]["id"].clone();
    let mut kept = mailer();
    kept["fields"].as_object_mut().unwrap().remove("client_secret");
    operator
        .put(&format!("{path}/{}", id.as_str().unwrap()), &kept)
        .await
        .expect(200);
}

fn write_key(path: &Path, key: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, key).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_configured_key_is_replaced_where_it_is_a_file_and_exchanged_where_it_is_a_value() {
    let home = Home::new();
    let first = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let second = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    let by_value = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("LETTERHEAD_MASTER_KEY", first).output().unwrap()
    };
    assert!(by_value(&["migrate"]).status.success());
    let refused = by_value(&["keys", "rotate"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("--new-key-file"), "{}", said(&refused));
    let file = home.folder.path().join("new.key");
    write_key(&file, first);
    let path = file.to_str().unwrap();
    let same = by_value(&["keys", "rotate", "--new-key-file", path]);
    assert!(said(&same).contains("has this master key already"), "{}", said(&same));
    write_key(&file, second);

    let given = by_value(&["keys", "rotate", "--new-key-file", path]);

    assert!(given.status.success(), "{}", said(&given));
    assert_opens_nothing(&home, first);
    let by_file = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("LETTERHEAD_MASTER_KEY_FILE", path).output().unwrap()
    };
    assert!(by_file(&["migrate"]).status.success());
    let replaced = by_file(&["keys", "rotate"]);
    assert!(replaced.status.success(), "{}", said(&replaced));
    assert_ne!(fs::read_to_string(&file).unwrap().trim(), second);
    assert!(by_file(&["migrate"]).status.success());
    assert_opens_nothing(&home, second);
}
