//! The doctor: says what is wrong and how to mend it, changes nothing, and runs beside the service.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Output};

use relay::inbox::{Inbox, InboxConfig};
use serde_json::{Value, json};

use crate::support::{
    environment::{POSTGRES, told_by_runner},
    process::{Home, free_port},
};

/// Variables, and the check that they upset, with a part of its finding and of the remedy.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);

/// What the doctor said, as JSON, with its exit code.
fn examined(output: &Output) -> (Value, Option<i32>) {
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code())
}

/// The findings of one check, as (status, finding, fix).
fn of(report: &Value, check: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().unwrap();
    checks
        .iter()
        .filter(|one| one["check"] == check)
        .map(|one| (text(&one["status"]), text(&one["finding"]), text(&one["fix"])))
        .collect()
}

/// Asserts that a check has an error or a warning that says this, with a fix that says that.
#[track_caller]
fn assert_found(report: &Value, check: &str, expected: (&str, &str, &str)) {
    let found = of(report, check);
    let as_expected = |(status, finding, fix): &(String, String, String)| {
        status == expected.0 && finding.contains(expected.1) && fix.contains(expected.2)
    };
    assert!(found.iter().any(as_expected), "{found:#?}");
}

#[tokio::test]
async fn a_sound_installation_is_healthy_beside_the_service_that_runs() {
    let home = Home::new();
    let inbox = Inbox::start(InboxConfig::default()).await.unwrap();
    let serving = home.serve().await;
    let operator = home.operator().await;
    let route =
        json!({ "name": "inbox", "email_server": "127.0.0.1", "port": inbox.addr().port(), "security": "none" });
    operator.post("/v1/relay/routes", &route).await.expect(201);

    let (report, code) = examined(&home.run(&["doctor", "--json"]));

    assert_eq!(
        (code, &report["healthy"], &report["errors"]),
        (Some(0), &json!(true), &json!(0)),
        "{report:#}"
    );
    for check in [
        "configuration",
        "database",
        "durability",
        "schema",
        "data_keys",
        "clock",
        "tls_roots",
        "outbound",
    ] {
        assert_eq!(of(&report, check)[0].0, "ok", "{check}: {report:#}");
    }
    assert_found(&report, "outbound", ("ok", "route inbox", ""));
    assert_found(&report, "egress", ("warning", "127.0.0.0/8", "LETTERHEAD_EGRESS_ALLOW"));
    // The service goes on.
    operator
        .post(
            "/v1/tenants",
            &json!({ "slug": "acme", "name": "Acme", "edition": "cloud" }),
        )
        .await
        .expect(201);
    assert_eq!(serving.terminate().await, Some(0));
}

#[test]
fn before_the_first_start_nothing_is_an_error_and_nothing_is_made() {
    let home = Home::new();
    let output = home.run(&["doctor"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("\n                        fix: "), "{text}");
    assert!(text.ends_with("warnings\n"), "{text}");
    assert_eq!(fs::read_dir(home.folder.path()).unwrap().count(), 0);
}

#[test]
fn looking_at_a_database_that_is_closed_leaves_no_file_behind() {
    if told_by_runner(POSTGRES).is_some() {
        return; // There is no file.
    }
    let home = Home::new();
    let files = || {
        let entries = fs::read_dir(home.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // A process may end before SQLite's thread has put its log away; the next one does it then.
    let closed = (0..10).find_map(|_| {
        assert!(home.run(&["migrate"]).status.success());
        let names = files();
        names.iter().all(|name| name != "letterhead.db-wal").then_some(names)
    });
    let before = closed.expect("the database is closed");
    let (report, _) = examined(&home.run(&["doctor", "--json"]));
    assert_eq!(of(&report, "schema")[0].0, "ok");
    assert_eq!(of(&report, "durability")[0].0, "ok");
    assert_eq!(files(), before);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_an_error_that_says_why() {
    let home = Home::new();
    let serving = home.serve().await;
    let operator = home.operator().await;
    let nobody = free_port();
    for (name, server, port) in [
        ("silent", "127.0.0.1", nobody),
        ("metadata", "169.254.169.254", 25),
        ("nowhere", "smtp.nowhere.invalid", 587),
    ] {
        let route = json!({ "name": name, "email_server": server, "port": port, "security": "none" });
        operator.post("/v1/relay/routes", &route).await.expect(201);
    }

    let (report, code) = examined(&home.run(&["doctor", "--json"]));

    assert_eq!((code, &report["healthy"]), (Some(1), &json!(false)));
    assert_found(&report, "outbound", ("error", "refuses the connection", "its port"));
    assert_found(
        &report,
        "outbound",
        ("error", "must not be reached", "LETTERHEAD_EGRESS_ALLOW"),
    );
    assert_found(&report, "outbound", ("error", "does not resolve", "name"));
    assert_eq!(serving.terminate().await, Some(0));
}

#[test]
fn each_fault_of_the_surroundings_is_an_error_with_its_remedy() {
    let home = Home::new();
    assert!(home.run(&["migrate"]).status.success());
    let other = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
    let cases: [Case<'_>; 6] = [
        (
            &[("LETTERHEAD_EGRESS_ALLOW", "0.0.0.0/0")],
            "egress",
            "every address",
            "LETTERHEAD_EGRESS_ALLOW",
        ),
        (
            &[("LETTERHEAD_MASTER_KEY", other)],
            "data_keys",
            "do not open",
            "master key",
        ),
        (
            &[("LETTERHEAD_LISTEN", "here")],
            "configuration",
            "LETTERHEAD_LISTEN",
            "IP address",
        ),
        (
            &[("LETTERHEAD_DATABASE_URL", "postgres://u:canary@127.0.0.1:9/none")],
            "database",
            "cannot reach the database postgres://u:***@",
            "LETTERHEAD_DATABASE_URL",
        ),
        (
            &[("SSL_CERT_FILE", "/dev/null"), ("SSL_CERT_DIR", "/nowhere")],
            "tls_roots",
            "no certificate can be verified",
            "ca-certificates",
        ),
        (
            &[("LETTERHEAD_DATA_DIR", "/dev/null")],
            "data_dir",
            "is no folder",
            "LETTERHEAD_DATA_DIR",
        ),
    ];
    for (variables, check, finding, fix) in cases {
        let output = home
            .command(&["doctor", "--json"])
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let (report, code) = examined(&output);
        assert_eq!(code, Some(1), "{check}: {report:#}");
        assert_found(&report, check, ("error", finding, fix));
        assert!(!String::from_utf8_lossy(&output.stdout).contains("canary"));
    }
}

#[test]
fn a_key_that_others_can_read_is_an_error_and_one_that_lies_about_a_warning() {
    let home = Home::new();
    assert!(home.run(&["migrate"]).status.success());
    assert!(home.run(&["keys", "rotate"]).status.success());
    let (report, code) = examined(&home.run(&["doctor", "--json"]));
    assert_eq!(code, Some(0), "{report:#}");
    assert_found(&report, "master_key", ("warning", "1 retired", "backups"));
    let path = home.folder.path().join("master.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(home.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();

    let (report, code) = examined(&home.run(&["doctor", "--json"]));

    assert_eq!(code, Some(1));
    assert_found(&report, "master_key", ("error", "(mode 0644)", "chmod 600"));
    assert_found(&report, "data_dir", ("warning", "(mode 0755)", "chmod 700"));
}
