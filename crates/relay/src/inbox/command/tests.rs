//! Command lines within RFC 5321 and outside it.

use super::*;

fn refused(line: &str) -> Option<&'static str> {
    parse(format!("{line}\r\n").as_bytes())
        .err()
        .and_then(|reply| reply.get(..3))
}

#[test]
fn what_rfc_5321_allows_is_understood() {
    for good in [
        "EHLO client.example",
        "ehlo [127.0.0.1]",
        "HELO [IPv6:::1]",
        "MAIL FROM:<>",
        "mail from:<a@b.example> SIZE=100 BODY=8BITMIME SMTPUTF8",
        "RCPT TO:<\"john doe\"@b.example>",
        "DATA",
        "NOOP what ever",
        "VRFY joe",
        "AUTH PLAIN =",
    ] {
        assert_eq!(refused(good), None, "{good} was refused");
    }
}

#[test]
fn what_it_does_not_allow_is_refused_with_the_fitting_code() {
    for (bad, code) in [
        ("HELLO x", "500"),
        ("EHLO", "501"),
        ("EHLO a b", "501"),
        ("EHLO <script>", "501"),
        ("MAIL FROM: <a@b.example>", "501"),
        ("MAIL FROM:a@b.example", "501"),
        ("MAIL FROM:<a@b.example> SIZE=x", "501"),
        ("MAIL FROM:<a@b.example> FOO=1", "555"),
        ("MAIL FROM:<a@b.example> RET=FULL", "555"),
        ("RCPT TO:<a@b.example> NOTIFY=NEVER", "555"),
        ("RCPT TO:<not an address>", "501"),
        ("DATA now", "501"),
        ("QUIT please", "501"),
        ("STARTTLS x", "501"),
        ("AUTH", "501"),
        ("NOOP \u{7}", "500"),
    ] {
        assert_eq!(refused(bad), Some(code), "{bad}");
    }
}

#[test]
fn a_command_line_has_512_octets_at_most() {
    assert_eq!(refused(&format!("NOOP {}", "x".repeat(505))), None);
    assert_eq!(refused(&format!("NOOP {}", "x".repeat(506))), Some("500"));
}

#[test]
fn paths_are_kept_as_written() {
    assert_eq!(path(b"RCPT TO:<\"a>b\"@c.example> X=>\r\n"), "\"a>b\"@c.example");
    assert_eq!(path(b"MAIL FROM:<>\r\n"), "");
}

#[test]
fn credentials_are_not_logged() {
    assert_eq!(loggable(b"auth plain AGEAYg==\r\n"), "auth plain");
    assert_eq!(loggable(b"MAIL FROM:<a@b.example>\r\n"), "MAIL FROM:<a@b.example>");
}
