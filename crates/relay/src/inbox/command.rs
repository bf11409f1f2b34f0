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
mod tests;
