//! A refusal as Entra and Graph write it: a status, an `error`, a text, and perhaps when to come again.
//!
//! The two services have a shape each: Entra `{"error": "invalid_client", "error_description": "AADSTS…", "error_codes":
//! [7000215]}` (RFC 6749 §5.2), Graph `{"error": {"code": "ErrorAccessDenied", "message": "…"}}`. Gateways before them answer in
//! HTML; then the status is all there is.

use std::{cell::LazyCell, time::Duration};

use chrono::DateTime;
use domain::reply::Reply;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;
use uuid::Uuid;

use crate::{gate::http::Answer, redact::Redactor};

/// The longest time that a server can have us wait.
pub const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// Octets of an error's name that are kept.
const MAX_NAME: usize = 100;

/// What was answered instead of yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The `error` of Entra, the `code` of Graph; empty where the body says nothing.
    pub error: String,
    /// Entra's number behind `AADSTS`.
    pub number: Option<u32>,
    /// What it says for people; without the credentials, should they be in it.
    pub text: String,
    /// How long it asks us to wait, at most [`LONGEST_WAIT`].
    pub retry_after: Option<Duration>,
    /// What Microsoft's support asks for.
    pub request_id: Option<String>,
}

impl Refusal {
    /// Reads an answer; `secrets` never come out again. They are looked for only where it says something.
    pub(super) fn of(answer: &Answer, secrets: &[&str]) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let (error, text) = match body.get("error") {
            Some(Value::Object(graph)) => (text_of(graph.get("code")), text_of(graph.get("message"))),
            Some(Value::String(error)) => (error.as_str(), text_of(body.get("error_description"))),
            _ => ("", ""),
        };
        let first_line = text.lines().next().unwrap_or_default();
        let redactor = LazyCell::new(|| redactor(secrets));
        let blotted = |text: &str| match text {
            "" => String::new(),
            said => redactor.blotted(said),
        };
        Self {
            status: answer.status,
            error: name(&blotted(error)),
            number: number(&body, text),
            text: blotted(first_line),
            retry_after: retry_after(&answer.headers),
            request_id: request_id(&answer.headers, &body).map(|id| {
                // What looks like theirs is let through as it is, and every mail that is taken has one.
                let is_theirs = Uuid::try_parse(id).is_ok() && !secrets.contains(&id);
                if is_theirs { id.to_owned() } else { name(&blotted(id)) }
            }),
        }
    }

    /// The same in the form in which all servers' answers are kept.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let parts = [self.error.as_str(), self.text.as_str()];
        let said = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let request = self.request_id.as_ref().map(|id| format!(" (request {id})"));
        Reply::new(
            self.status,
            &format!("{}{}", said.join(": "), request.unwrap_or_default()),
        )
    }
}

fn text_of(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// An error's name is a word of a protocol; whatever else stands there is not kept.
fn name(error: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    error.chars().take_while(|c| is_word(*c)).take(MAX_NAME).collect()
}

fn number(body: &Value, text: &str) -> Option<u32> {
    let listed = body.get("error_codes").and_then(|codes| codes.get(0)?.as_u64());
    if let Some(number) = listed.and_then(|number| u32::try_from(number).ok()) {
        return Some(number);
    }
    let (_, behind) = text.split_once("AADSTS")?;
    let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn redactor(secrets: &[&str]) -> Redactor {
    let mut redactor = Redactor::default();
    for secret in secrets {
        redactor.hide(secret);
    }
    redactor
}

fn request_id<'a>(headers: &'a HeaderMap, body: &'a Value) -> Option<&'a str> {
    let of_header = ["request-id", "x-ms-request-id"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok());
    of_header.or_else(|| body.get("trace_id")?.as_str())
}

/// Seconds or a date (RFC 9110 §10.2.3). A date counts from the answer's own Date: the two clocks are one.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = value.parse() {
        Duration::from_secs(seconds)
    } else {
        let from = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
        let until = DateTime::parse_from_rfc2822(value).ok()?;
        (until - from).to_std().unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests;
