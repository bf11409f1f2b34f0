//! Where values come from, and what is said of those that are wrong.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::{fs, path::PathBuf};

use letterhead::{
    Exit,
    config::{DatabaseUrl, Environment, Flags, Origin, load},
};
use support::letterhead;
use tempfile::TempDir;

fn folder_with(name: &str, content: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

/// The line of `config show` that belongs to `key`, in single spaces.
fn shown(key: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let run = letterhead(&[arguments, &["config", "show"]].concat(), variables);
    assert_eq!(run.exit, Exit::Success, "{}", run.err);
    let line = run
        .out
        .lines()
        .find(|line| line.split(' ').next() == Some(key))
        .unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn without_any_setting_the_defaults_of_the_contract_hold() {
    let loaded = load(&Flags::default(), &Environment::default()).unwrap_or_else(|_| panic!());
    let config = loaded.config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.internal_listen.to_string(), "127.0.0.1:8081");
    assert!(matches!(config.database_url, DatabaseUrl::Sqlite(path) if path == *"./data/letterhead.db"));
    assert_eq!(config.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.provider.relay_domain.as_str(), "relay.localhost");
    assert_eq!(config.outcome_unknown_delay.as_secs(), 600);
    assert_eq!(config.access_token_lifetime.as_secs(), 900);
    assert!(config.egress_allow.is_empty());
    assert!(config.master_key.is_none());
    assert!(config.bootstrap.is_none());
    assert!(loaded.values.iter().all(|value| value.origin == Origin::Default));
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let (_folder, file) = folder_with("l.toml", "provider_name = \"From File\"");
    let file = file.to_str().unwrap();
    let variables = [
        ("LETTERHEAD_CONFIG", file),
        ("LETTERHEAD_PROVIDER_NAME", "From Variable"),
    ];
    assert_eq!(
        shown("provider_name", &["--provider-name", "From Flag"], &variables),
        "provider_name From Flag flag --provider-name"
    );
    assert_eq!(
        shown("provider_name", &[], &variables),
        "provider_name From Variable variable LETTERHEAD_PROVIDER_NAME"
    );
    assert_eq!(
        shown("provider_name", &["--config", file], &[]),
        format!("provider_name From File file {file}:provider_name")
    );
}

#[test]
fn a_variable_ending_in_file_names_a_file_that_holds_the_value() {
    let (_folder, secret) = folder_with("name", "Mounted\n");
    let secret = secret.to_str().unwrap();
    assert_eq!(
        shown("provider_name", &[], &[("LETTERHEAD_PROVIDER_NAME_FILE", secret)]),
        format!("provider_name Mounted variable LETTERHEAD_PROVIDER_NAME_FILE ({secret})")
    );
}

#[test]
fn a_variable_and_its_file_together_are_an_error() {
    let (_folder, secret) = folder_with("name", "Mounted");
    let run = letterhead(
        &["config", "check"],
        &[
            ("LETTERHEAD_PROVIDER_NAME", "Given"),
            ("LETTERHEAD_PROVIDER_NAME_FILE", secret.to_str().unwrap()),
        ],
    );
    assert_eq!(run.exit, Exit::Unusable);
    assert_eq!(
        run.err,
        "letterhead: variables LETTERHEAD_PROVIDER_NAME and LETTERHEAD_PROVIDER_NAME_FILE are both set: keep one of them\n"
    );
}

#[test]
fn a_named_file_that_is_missing_or_empty_stops_start_up() {
    let (folder, empty) = folder_with("empty", "\n");
    let missing = folder.path().join("missing");
    let run = letterhead(
        &["config", "check"],
        &[
            ("LETTERHEAD_MASTER_KEY_FILE", missing.to_str().unwrap()),
            ("LETTERHEAD_PROVIDER_NAME_FILE", empty.to_str().unwrap()),
        ],
    );
    assert_eq!(run.exit, Exit::Unusable);
    assert!(
        run.err
            .contains("missing, which variable LETTERHEAD_MASTER_KEY_FILE names (No such file")
    );
    assert!(
        run.err
            .contains("empty, which variable LETTERHEAD_PROVIDER_NAME_FILE names, is empty: ")
    );
}

#[test]
fn an_empty_variable_is_as_if_unset_but_the_empty_list_where_a_list_is_meant() {
    let (_folder, file) = folder_with(
        "l.toml",
        "listen = \"127.0.0.1:1\"\negress_allow = [\"10.0.0.0/8\", \"::1\"]",
    );
    let file = file.to_str().unwrap();
    let variables = [("LETTERHEAD_LISTEN", ""), ("LETTERHEAD_EGRESS_ALLOW", "")];
    assert_eq!(
        shown("listen", &["--config", file], &variables),
        format!("listen 127.0.0.1:1 file {file}:listen")
    );
    assert_eq!(
        shown("egress_allow", &["--config", file], &variables),
        "egress_allow (empty) variable LETTERHEAD_EGRESS_ALLOW"
    );
    assert_eq!(
        shown("egress_allow", &["--config", file], &[]),
        format!("egress_allow 10.0.0.0/8,::1 file {file}:egress_allow")
    );
}

#[test]
fn an_unknown_key_of_the_file_is_an_error_with_a_suggestion() {
    let (_folder, file) = folder_with("l.toml", "lsiten = \"x\"\n[database]\nurl = \"x\"\n");
    let run = letterhead(&["config", "check", "--config", file.to_str().unwrap()], &[]);
    assert_eq!(run.exit, Exit::Unusable);
    assert!(run.err.contains(":lsiten is not a known key: did you mean listen?\n"));
    assert!(
        run.err
            .contains(":database is not a known key: did you mean database_url?\n")
    );
}

#[test]
fn a_value_of_the_wrong_type_and_a_file_that_is_no_toml_are_errors() {
    let (_folder, typed) = folder_with("typed.toml", "access_token_lifetime = 1.5\nlog = [\"info\"]");
    let run = letterhead(&["config", "check", "--config", typed.to_str().unwrap()], &[]);
    assert!(
        run.err
            .contains(":access_token_lifetime is a float: give a text in quotes, or a whole number\n")
    );
    assert!(run.err.contains(":log is an array: "));

    let (_folder, broken) = folder_with("broken.toml", "log = \"info\"\nmaster_key = \"hunter2\n");
    let run = letterhead(&["config", "check", "--config", broken.to_str().unwrap()], &[]);
    assert_eq!(run.exit, Exit::Unusable);
    assert!(run.err.contains("broken.toml, line 2, is not TOML: "));
    assert!(!run.err.contains("hunter2"));
}

#[test]
fn an_unknown_variable_is_a_warning_with_a_suggestion() {
    let run = letterhead(
        &["config", "check"],
        &[
            ("LETTERHEAD_DATABSE_URL", "x"),
            ("LETTERHEAD_MASTERKEY_FILE", "x"),
            ("LETTERHEAD_CONFIG_FILE", "x"),
        ],
    );
    assert_eq!(run.exit, Exit::Success);
    assert_eq!(run.out, "ok\n");
    assert!(run.err.contains("warning: variable LETTERHEAD_DATABSE_URL is not known and has no effect: did you mean LETTERHEAD_DATABASE_URL?\n"));
    assert!(run.err.contains("did you mean LETTERHEAD_MASTER_KEY_FILE?\n"));
    assert!(run.err.contains("did you mean LETTERHEAD_CONFIG?\n"));
}

#[test]
fn every_fault_is_named_at_once_each_on_a_line_of_its_own() {
    let (_folder, file) = folder_with("l.toml", "provider_name = \"a@b\"\ncolour = \"red\"");
    let run = letterhead(
        &["config", "check", "--listen", "80", "--config", file.to_str().unwrap()],
        &[
            ("LETTERHEAD_DATABASE_URL", "mysql://x"),
            ("LETTERHEAD_PUBLIC_URL", "mail.example.com"),
            ("LETTERHEAD_EGRESS_ALLOW", "10.0.0.0/33"),
            ("LETTERHEAD_BOOTSTRAP_CLIENT_ID", "operator"),
            ("LETTERHEAD_OUTCOME_UNKNOWN_DELAY", "10m"),
            ("LETTERHEAD_LOG", "inof"),
        ],
    );
    assert_eq!(run.exit, Exit::Unusable);
    assert_eq!(run.out, "");
    for told in [
        "flag --listen is \"80\": give an IP address and a port",
        "l.toml:provider_name is \"a@b\": A name must not contain @",
        "l.toml:colour is not a known key",
        "variable LETTERHEAD_DATABASE_URL is not accepted: give a URL that begins with",
        "variable LETTERHEAD_PUBLIC_URL is \"mail.example.com\": give a URL",
        "variable LETTERHEAD_EGRESS_ALLOW is \"10.0.0.0/33\"",
        "variable LETTERHEAD_BOOTSTRAP_CLIENT_ID is set without LETTERHEAD_BOOTSTRAP_CLIENT_SECRET",
        "variable LETTERHEAD_OUTCOME_UNKNOWN_DELAY is \"10m\": give a whole number of seconds from 0 to 86400",
        "variable LETTERHEAD_LOG is \"inof\": did you mean info?",
    ] {
        assert!(run.err.contains(told), "{told:?} is missing from\n{}", run.err);
    }
    assert_eq!(
        run.err.lines().filter(|line| line.starts_with("letterhead: ")).count(),
        9
    );
    assert_eq!(run.err.lines().count(), 9);
}

#[test]
fn two_listeners_on_one_port_are_an_error() {
    let run = letterhead(
        &["config", "check"],
        &[
            ("LETTERHEAD_LISTEN", "0.0.0.0:8081"),
            ("LETTERHEAD_PUBLIC_URL", "https://m.example"),
        ],
    );
    assert_eq!(run.exit, Exit::Unusable);
    assert!(run.err.contains("are the same place: give them different ports"));
}

#[test]
fn secrets_are_shown_by_no_command_and_in_no_fault() {
    let variables = [
        ("LETTERHEAD_MASTER_KEY", "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNhbmE="),
        ("LETTERHEAD_BOOTSTRAP_CLIENT_ID", "operator"),
        ("LETTERHEAD_BOOTSTRAP_CLIENT_SECRET", "canary"),
        ("LETTERHEAD_DATABASE_URL", "postgres://u:canary@db/l?password=canary"),
    ];
    let table = letterhead(&["config", "show"], &variables).out;
    let json = letterhead(&["config", "show", "--json"], &variables).out;
    assert!(table.contains("postgres://u:***@db/l?password=***"));
    assert!(table.contains("(set)"));
    for text in [&table, &json] {
        assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
    }

    let wrong = [
        ("LETTERHEAD_MASTER_KEY", "canary"),
        ("LETTERHEAD_BOOTSTRAP_CLIENT_SECRET", "canary\n"),
        ("LETTERHEAD_DATABASE_URL", "canary://u:canary@db"),
    ];
    let faults = letterhead(&["config", "check"], &wrong).err;
    assert_eq!(faults.lines().count(), 3);
    assert!(!faults.contains("canary"), "{faults}");
}

#[test]
fn a_public_url_made_from_the_listener_follows_the_bound_port() {
    let of = |variables: &[(&str, &str)]| {
        let environment = variables.iter().copied().collect();
        load(&Flags::default(), &environment)
            .unwrap_or_else(|_| panic!())
            .config
    };
    let bound = "0.0.0.0:4711".parse().unwrap();

    let mut derived = of(&[("LETTERHEAD_LISTEN", "0.0.0.0:0")]);
    derived.bind_public(bound);
    assert_eq!(derived.public_url.as_str(), "http://127.0.0.1:4711/");

    let mut given = of(&[("LETTERHEAD_PUBLIC_URL", "https://mail.example.com")]);
    given.bind_public(bound);
    assert_eq!(given.public_url.as_str(), "https://mail.example.com/");
}

#[test]
fn a_listener_open_to_others_without_a_public_url_is_a_warning() {
    let run = letterhead(&["config", "check", "--listen", "0.0.0.0:8080"], &[]);
    assert_eq!(run.out, "ok\n");
    assert!(run.err.contains("warning: public_url is not set"));
}

#[test]
fn the_reference_in_docs_is_the_one_of_this_program() {
    let written = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md")).unwrap();
    let made = letterhead(&["config", "reference"], &[]).out;
    assert!(
        written == made,
        "run `letterhead config reference > docs/configuration.md`"
    );
}

#[test]
fn every_variable_of_the_contract_is_a_setting() {
    let reference = letterhead(&["config", "reference"], &[]).out;
    for name in [
        "DATABASE_URL",
        "DATA_DIR",
        "LISTEN",
        "INTERNAL_LISTEN",
        "PUBLIC_URL",
        "MASTER_KEY",
        "BOOTSTRAP_CLIENT_ID",
        "BOOTSTRAP_CLIENT_SECRET",
        "RELAY_DOMAIN",
        "SENDER_VERIFICATION",
        "PROVIDER_NAME",
        "OUTCOME_UNKNOWN_DELAY",
        "EGRESS_ALLOW",
        "O365_LOGIN_URL",
        "O365_GRAPH_URL",
        "LOG",
        "LOG_FORMAT",
    ] {
        assert!(
            reference.contains(&format!("## `LETTERHEAD_{name}`\n")),
            "{name} is missing"
        );
    }
}
