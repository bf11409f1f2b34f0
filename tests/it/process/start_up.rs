//! Start-up: one line that says what is wrong and how to mend it, and exit code 2; or a service.

use std::{net::TcpListener, process::Output};

use crate::support::{
    environment::{POSTGRES, told_by_runner},
    http::Client,
    process::{Home, free_port},
};

/// The one line of a refusal to start.
fn refusal(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains("panicked") && !text.contains("backtrace"), "{text}");
    text
}

#[tokio::test]
async fn a_second_serve_on_the_same_file_is_refused_and_so_is_a_part() {
    if told_by_runner(POSTGRES).is_some() {
        return; // A shared store is meant to be shared.
    }
    let home = Home::new();
    let _first = home.serve().await;
    let second = home
        .command(&["serve"])
        .env("LETTERHEAD_LISTEN", "127.0.0.1:0")
        .env("LETTERHEAD_INTERNAL_LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    assert!(refusal(&second).contains("another letterhead serves the database"));
    let part = home
        .command(&["serve", "--only", "relay"])
        .env("LETTERHEAD_INTERNAL_LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    assert!(refusal(&part).contains("--only"));
}

#[tokio::test]
async fn api_and_relay_can_be_processes_of_their_own_on_a_shared_store() {
    if told_by_runner(POSTGRES).is_none() {
        return; // SQLite cannot be shared.
    }
    let home = Home::new();
    let inbox = relay::inbox::Inbox::start(relay::inbox::InboxConfig::default())
        .await
        .unwrap();
    let (api_port, relay_port) = (free_port(), free_port());
    let internal = |port| format!("127.0.0.1:{port}");
    let mut api = home
        .command(&["serve", "--only", "api"])
        .env("LETTERHEAD_INTERNAL_LISTEN", internal(api_port))
        .spawn()
        .unwrap();
    let mut relay = home
        .command(&["serve", "--only", "relay"])
        .env("LETTERHEAD_INTERNAL_LISTEN", internal(relay_port))
        .spawn()
        .unwrap();
    for (port, listener) in [
        (api_port, home.address.to_string()),
        (relay_port, internal(free_port())),
    ] {
        let healthy = || {
            let mut health = home.command(if port == relay_port {
                &["health", "--internal"]
            } else {
                &["health"]
            });
            health
                .env("LETTERHEAD_LISTEN", &listener)
                .env("LETTERHEAD_INTERNAL_LISTEN", internal(port));
            health.output().unwrap().status.success()
        };
        for _ in 0..200 {
            if healthy() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    let operator = home.operator().await;
    let tenant = serde_json::json!({ "slug": "acme", "name": "Acme", "edition": "cloud" });
    operator.post("/v1/tenants", &tenant).await.expect(201);
    let route = serde_json::json!({ "name": "inbox", "email_server": "127.0.0.1", "port": inbox.addr().port(), "security": "none" });
    operator.post("/v1/relay/routes", &route).await.expect(201);
    operator
        .post("/v1/tenants/acme/messages", &crate::support::service::code())
        .await
        .expect(202);

    let arrived = inbox.wait_for(1, crate::support::service::PATIENCE).await;

    for child in [&mut api, &mut relay] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(arrived.is_ok());
}

#[test]
fn bad_surroundings_stop_start_up_with_one_line_that_says_how_to_mend_them() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_at = taken.local_addr().unwrap().to_string();
    let unreadable = home.folder.path().join("key");
    std::fs::create_dir(&unreadable).unwrap();
    let cases = [
        ("LETTERHEAD_LISTEN", taken_at.as_str(), "cannot listen on"),
        (
            "LETTERHEAD_MASTER_KEY_FILE",
            unreadable.to_str().unwrap(),
            "LETTERHEAD_MASTER_KEY_FILE",
        ),
        (
            "LETTERHEAD_DATABASE_URL",
            "postgres://nobody@127.0.0.1:9/none",
            "cannot reach the database",
        ),
        ("LETTERHEAD_EGRESS_ALLOW", "10.0.0.0/99", "LETTERHEAD_EGRESS_ALLOW"),
        ("LETTERHEAD_MASTER_KEY", "c2hvcnQ=", "LETTERHEAD_MASTER_KEY"),
    ];
    for (variable, value, said) in cases {
        let output = home.command(&["serve"]).env(variable, value).output().unwrap();
        let line = refusal(&output);
        assert!(line.contains(said), "{variable}={value}: {line}");
    }
}

#[tokio::test]
async fn a_token_from_the_command_line_opens_the_api() {
    let home = Home::new();
    let _serving = home.serve().await;
    let public = format!("http://{}", home.address);
    let printed = home
        .command(&["token"])
        .env("LETTERHEAD_PUBLIC_URL", &public)
        .output()
        .unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let token = String::from_utf8(printed.stdout).unwrap();
    let me = Client::nobody(home.address)
        .with_token(token.trim())
        .get("/v1/me")
        .await
        .expect(200);
    assert_eq!(me["roles"], serde_json::json!(["operator"]));
}

#[test]
fn the_demo_sends_one_message_of_each_kind_and_mail_through_microsoft_and_can_be_repeated_on_its_data() {
    let home = Home::new();
    for _ in 0..2 {
        let output = crate::support::process::program()
            .args(["demo", "--once"])
            .current_dir(home.folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success(),
            "{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(text.contains("5 of 5 deliveries arrived"), "{text}");
        assert!(text.contains("2 of 2 deliveries arrived"), "{text}");
        for step in ["secret", "token", "permission", "send"] {
            assert!(text.contains(&format!("✔ {step}")), "{text}");
        }
        for kind in ["two_factor_code", "access_request", "notification", "system"] {
            assert!(text.contains(kind), "{text}");
        }
    }
}

#[test]
fn what_is_kept_on_disk_is_for_this_account_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let data = home.folder.path().join("fresh");
    assert!(
        home.command(&["migrate"])
            .env("LETTERHEAD_DATA_DIR", &data)
            .status()
            .unwrap()
            .success()
    );
    let mode = std::fs::metadata(&data).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
}

#[test]
fn migrate_brings_an_empty_database_to_the_present_and_can_be_repeated() {
    let home = Home::new();
    for _ in 0..2 {
        let output = home.run(&["migrate"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
