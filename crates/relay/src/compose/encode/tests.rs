//! Values of headers: plain where they can be, encoded where they must be, and never the end of their header.

use super::*;

fn from(name: &str) -> String {
    let mailbox_of = Mailbox {
        address: "a@b.example".parse().unwrap(),
        name: Some(name.parse().unwrap()),
    };
    mailbox("From", &mailbox_of).unwrap()
}

#[test]
fn names_are_quoted_where_needed_and_encoded_only_beyond_ascii() {
    assert_eq!(from("No Reply"), "No Reply <a@b.example>");
    assert_eq!(from("Acme, Inc. (IT)"), "\"Acme, Inc. (IT)\" <a@b.example>");
    assert_eq!(from("The \"A\" \\ Team"), "\"The \\\"A\\\" \\\\ Team\" <a@b.example>");
    assert_eq!(from("Müller"), "=?utf-8?b?TcO8bGxlcg==?= <a@b.example>");
}

#[test]
fn subjects_are_encoded_only_where_needed() {
    let subject = |text| unstructured("Subject", text).unwrap();
    assert_eq!(subject("482913 is your code"), "482913 is your code");
    assert_eq!(subject("Zugriff für Ö"), "=?utf-8?b?WnVncmlmZiBmw7xyIMOW?=");
    assert_eq!(subject("=?utf-8?q?x?="), "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?=");
}

#[test]
fn no_value_can_end_its_header() {
    assert_eq!(
        unstructured("Subject", "a\r\nBcc: x@y.example").unwrap(),
        "a  Bcc: x@y.example"
    );
    assert!(message_id("Message-ID", "a@b>\r\nBcc: x").is_err());
    assert!(message_id("Message-ID", "no-at").is_err());
}

#[test]
fn long_values_are_folded() {
    let subject = unstructured("Subject", &"word ".repeat(50)).unwrap();
    assert!(subject.split("\r\n").all(|line| line.len() <= LINE), "{subject}");
    let encoded = unstructured("Subject", &"ü".repeat(250)).unwrap();
    assert!(encoded.split("\r\n").all(|line| line.len() <= LINE), "{encoded}");
}
