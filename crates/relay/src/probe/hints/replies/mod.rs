//! What a refusal means: by the step, the basic code, the enhanced code (RFC 3463) and the server's words.
//!
//! Servers differ in what they call one and the same thing, and some refuse a sender only when they hear the recipient
//! (Postfix does so by default). So the words count where codes are ambiguous, and what a line says of the cause may differ
//! from what its step suggests.

use domain::reply::Reply;

use super::{
    super::report::{
        FailureCode::{
            AuthenticationFailed, ConnectionRefused, MessageRejected, RecipientRejected, SenderRejected,
            TlsHandshakeFailed,
        },
        StepName,
    },
    Advice,
    Who::Server,
};

mod content;
mod envelope;
mod opening;
mod policy;

/// A line of the tables: a pattern, and what it means.
pub(super) struct Line {
    /// Step, basic code, enhanced code, words: `rcpt_to 5xx *.1.1 no such user`. A step `any` is every step, an `x` every
    /// digit, a `*` anything, `-` an enhanced code that is missing; the words must occur, in any case, and may be left out.
    pattern: &'static str,
    advice: Advice,
}

/// The tables, from the particular to the general: the first line that fits is taken.
const TABLES: [&[Line]; 4] = [&policy::LINES, &opening::LINES, &envelope::LINES, &content::LINES];

pub(super) fn advice(step: StepName, reply: &Reply) -> Advice {
    TABLES
        .into_iter()
        .flatten()
        .find(|line| fits(line.pattern, step, reply))
        .map_or_else(|| general(step), |line| line.advice)
}

/// What nothing more is known of.
const fn general(step: StepName) -> Advice {
    Advice {
        code: match step {
            StepName::Resolve | StepName::Connect | StepName::Greeting => ConnectionRefused,
            StepName::Tls => TlsHandshakeFailed,
            StepName::Authenticate | StepName::Secret | StepName::Token | StepName::Permission => AuthenticationFailed,
            StepName::MailFrom => SenderRejected,
            StepName::RcptTo => RecipientRejected,
            StepName::Data | StepName::Send => MessageRejected,
        },
        who: Server,
        text: "The server answered what is no proper answer here; the step's detail has its words.",
    }
}

fn fits(pattern: &str, step: StepName, reply: &Reply) -> bool {
    let mut parts = pattern.splitn(4, ' ');
    let mut next = || parts.next().unwrap_or_default();
    let (wanted_step, code, enhanced, words) = (next(), next(), next(), next());
    (wanted_step == "any" || wanted_step == step.as_str())
        && is_like(code, &reply.code.to_string())
        && is_enhanced(enhanced, reply)
        && (words.is_empty() || reply.text.to_lowercase().contains(words))
}

fn is_like(pattern: &str, digits: &str) -> bool {
    pattern == "*"
        || pattern.len() == digits.len()
            && pattern
                .chars()
                .zip(digits.chars())
                .all(|(wanted, digit)| wanted == 'x' || wanted == digit)
}

fn is_enhanced(pattern: &str, reply: &Reply) -> bool {
    match (pattern, reply.enhanced) {
        ("*", _) | ("-", None) => true,
        ("-", Some(_)) | (_, None) => false,
        (pattern, Some(code)) => {
            let parts = [u16::from(code.class), code.subject, code.detail];
            pattern
                .split('.')
                .zip(parts)
                .all(|(wanted, part)| wanted == "*" || wanted == part.to_string())
        }
    }
}

#[cfg(test)]
mod tests;
