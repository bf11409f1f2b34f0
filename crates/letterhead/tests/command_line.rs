//! Commands, flags and exit codes, as a person or a script meets them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that fails fails its test"
)]

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    thread,
};

use letterhead::Exit;
use support::letterhead;

#[test]
fn an_unknown_flag_or_command_is_one_line_with_a_suggestion() {
    let flag = letterhead(&["serve", "--databse-url", "postgres://u:canary@db"], &[]);
    assert_eq!(flag.exit, Exit::Unusable);
    assert_eq!(
        flag.err,
        "letterhead: --databse-url is not known here: did you mean --database-url?\n"
    );
    let command = letterhead(&["migarte"], &[]);
    assert_eq!(command.exit, Exit::Unusable);
    assert_eq!(
        command.err,
        "letterhead: migarte is not known here: did you mean migrate?\n"
    );
}

#[test]
fn a_wrong_value_of_an_option_is_one_line_with_the_right_ones() {
    let run = letterhead(&["serve", "--only", "web"], &[]);
    assert_eq!(run.exit, Exit::Unusable);
    assert_eq!(
        run.err,
        "letterhead: invalid value 'web' for '--only <PART>' [possible values: api, relay]\n"
    );
}

#[test]
fn without_a_command_help_is_shown_and_nothing_done() {
    let run = letterhead(&[], &[]);
    assert_eq!(run.exit, Exit::Unusable);
    assert!(run.out.contains("Usage: letterhead"));
}

#[test]
fn settings_can_stand_before_or_behind_the_command() {
    for arguments in [["--log", "warn", "config", "show"], ["config", "show", "--log", "warn"]] {
        let run = letterhead(&arguments, &[]);
        assert!(
            run.out
                .lines()
                .any(|line| line.starts_with("log ") && line.ends_with("flag --log"))
        );
    }
}

#[test]
fn long_help_explains_every_setting_and_short_help_none() {
    assert!(
        letterhead(&["serve", "--help"], &[])
            .out
            .contains("LETTERHEAD_EGRESS_ALLOW")
    );
    assert!(
        !letterhead(&["serve", "-h"], &[])
            .out
            .contains("LETTERHEAD_EGRESS_ALLOW")
    );
}

#[test]
fn completions_know_the_flags_of_settings() {
    let run = letterhead(&["completions", "bash"], &[]);
    assert_eq!(run.exit, Exit::Success);
    assert!(run.out.contains("--outcome-unknown-delay"));
}

#[test]
fn the_shown_configuration_can_be_read_by_programs() {
    let run = letterhead(&["config", "show", "--json", "--listen", "127.0.0.1:1"], &[]);
    let values: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let listen = values
        .as_array()
        .unwrap()
        .iter()
        .find(|value| value["key"] == "listen")
        .unwrap();
    assert_eq!(
        *listen,
        serde_json::json!({"key": "listen", "value": "127.0.0.1:1", "origin": "flag --listen"})
    );
}

#[test]
fn a_ready_service_is_healthy() {
    let port = service_that_answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").port();
    let run = letterhead(&["health", "--listen", &format!("0.0.0.0:{port}")], &[]);
    assert_eq!(run.exit, Exit::Success, "{}", run.err);
    assert_eq!(run.out, "HTTP/1.1 200 OK\n");
}

#[test]
fn a_service_that_is_not_ready_is_not_healthy() {
    let address = service_that_answers("HTTP/1.1 503 Service Unavailable\r\n\r\n").to_string();
    let run = letterhead(&["health", "--internal", "--internal-listen", &address], &[]);
    assert_eq!(run.exit, Exit::Failure);
    assert_eq!(run.out, "HTTP/1.1 503 Service Unavailable\n");
}

#[test]
fn a_port_that_nobody_serves_is_not_healthy() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let run = letterhead(&["health", "--listen", &address], &[]);
    assert_eq!(run.exit, Exit::Failure);
    assert!(run.err.contains("no answer from http://127.0.0.1:"));
}

/// Answers one connection and goes away.
fn service_that_answers(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 512];
        let length = stream.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET /readyz HTTP/1.0\r\n"));
        stream.write_all(answer.as_bytes()).unwrap();
    });
    address
}
