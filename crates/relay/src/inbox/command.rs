//! Command lines: parsed by `smtp-proto`, held to the letter here.
//!
//! The parser forgives what a strict server must not: blanks before a path, words behind DATA, lines of any length.

use std::borrow::Cow;

use smtp_proto::{Error, MailFrom, RcptTo, Request};

/// Octets of a command line, CRLF included (RFC 5321 §4.5.3.1.4).
const MAX_COMMAND: usize = 512;
/// What SIZE, BODY and SMTPUTF8 add to a MAIL line (RFC 1870 §3, RFC 6152 §3, RFC 6531 §3.1).
const MAX_MAIL: usize = MAX_COMMAND + 26 + 17 + 10;
const NOT_OFFERED: &str = "555 5.5.4 A parameter that is not offered";

/// A line as the session acts on it, or the reply that refuses it.
pub(super) fn parse(line: &[u8]) -> Result<Request<Cow<'_, str>>, &'static str> {
    let Ok(text) = std::str::from_utf8(line) else {
        return Err("500 5.5.2 Not UTF-8");
    };
    let content = text.trim_end_matches("\r\n");
    if content.chars().any(char::is_control) {
        return Err("500 5.5.2 A control character in a command");
    }
    if line.len() > longest(content) {
        return Err("500 5.5.2 Line too long");
    }
    let request = Request::parse(&mut line.iter()).map_err(|error| refusal(&error))?;
    match objection(&request, content) {
        Some(refusal) => Err(refusal),
        None => Ok(request),
    }
}

/// The line as it may be logged: without what follows AUTH's mechanism.
pub(super) fn loggable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let content = text.trim_end_matches("\r\n");
    if begins_with(content, "AUTH ") {
        content.split(' ').take(2).collect::<Vec<_>>().join(" ")
    } else {
        content.to_owned()
    }
}

/// The path of a MAIL or RCPT line as it was written; the parser takes quotes off.
pub(super) fn path(line: &[u8]) -> String {
    let mut quoted = false;
    let mut escaped = false;
    let path: Vec<u8> = line
        .iter()
        .skip_while(|octet| **octet != b'<')
        .skip(1)
        .take_while(|octet| {
            let ends = **octet == b'>' && !quoted;
            quoted ^= **octet == b'"' && !escaped;
            escaped = **octet == b'\\' && quoted && !escaped;
            !ends
        })
        .copied()
        .collect();
    String::from_utf8_lossy(&path).into_owned()
}

fn longest(content: &str) -> usize {
    if begins_with(content, "AUTH") {
        super::wire::MAX_LINE
    } else if begins_with(content, "MAIL") {
        MAX_MAIL
    } else {
        MAX_COMMAND
    }
}

fn refusal(error: &Error) -> &'static str {
    match error {
        Error::UnknownCommand => "500 5.5.2 Unknown command",
        Error::InvalidSenderAddress => "501 5.1.7 Not a reverse-path",
        Error::InvalidRecipientAddress => "501 5.1.3 Not a forward-path",
        Error::SyntaxError { .. } | Error::InvalidParameter { .. } => "501 5.5.4 Syntax error in arguments",
        Error::UnsupportedParameter { .. } => "555 5.5.4 Unknown parameter",
        Error::NeedsMoreData { .. } | Error::ResponseTooLong | Error::InvalidResponse { .. } => {
            "500 5.5.2 Syntax error"
        }
    }
}

/// What the parser let pass.
fn objection(request: &Request<Cow<'_, str>>, content: &str) -> Option<&'static str> {
    let (sound, refusal) = match request {
        Request::Ehlo { .. } | Request::Helo { .. } => (
            is_host(argument(content)),
            "501 5.5.4 Say a domain or an address literal",
        ),
        Request::StartTls | Request::Data | Request::Rset | Request::Quit => {
            (argument(content).is_empty(), "501 5.5.4 This command stands alone")
        }
        Request::Mail { .. } if !begins_with(content, "MAIL FROM:<") => (false, "501 5.5.4 MAIL FROM:<path>"),
        Request::Rcpt { .. } if !begins_with(content, "RCPT TO:<") => (false, "501 5.5.4 RCPT TO:<path>"),
        Request::Mail { from } => (is_within_mail(from), NOT_OFFERED),
        Request::Rcpt { to } => (is_within_rcpt(to), NOT_OFFERED),
        Request::Lhlo { .. }
        | Request::Bdat { .. }
        | Request::Auth { .. }
        | Request::Noop { .. }
        | Request::Vrfy { .. }
        | Request::Expn { .. }
        | Request::Help { .. }
        | Request::Etrn { .. }
        | Request::Atrn { .. }
        | Request::Burl { .. } => (true, ""),
    };
    (!sound).then_some(refusal)
}

fn argument(content: &str) -> &str {
    content.split_once(' ').map_or("", |(_, argument)| argument)
}

fn begins_with(content: &str, prefix: &str) -> bool {
    content
        .as_bytes()
        .get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

fn is_host(text: &str) -> bool {
    let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let allowed =
        |extra: &'static str| move |octet: u8| octet.is_ascii_alphanumeric() || extra.as_bytes().contains(&octet);
    match literal {
        Some(inner) => !inner.is_empty() && inner.bytes().all(allowed(".:")),
        None => !text.is_empty() && text.bytes().all(allowed("-.")),
    }
}

/// Whether MAIL stays within SIZE, BODY and SMTPUTF8.
fn is_within_mail<T>(from: &MailFrom<T>) -> bool {
    let known = smtp_proto::MAIL_BODY_7BIT | smtp_proto::MAIL_BODY_8BITMIME | smtp_proto::MAIL_SMTPUTF8;
    let plain = from.trans_id.is_none() && from.env_id.is_none() && from.solicit.is_none() && from.mtrk.is_none();
    let now = from.by == 0 && from.hold_for == 0 && from.hold_until == 0 && from.mt_priority == 0;
    from.flags & !known == 0 && plain && now
}

/// RCPT has no parameters here: delivery status notifications are not offered.
fn is_within_rcpt<T>(to: &RcptTo<T>) -> bool {
    to.flags == 0 && to.orcpt.is_none() && to.rrvs == 0
}

#[cfg(test)]
mod tests {
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
}
