//! A refusal as Entra and Graph write it: a status, an `error`, a text, and perhaps when to come again.
//!
//! The two services have a shape each: Entra `{"error": "invalid_client", "error_description": "AADSTS…", "error_codes":
//! [7000215]}` (RFC 6749 §5.2), Graph `{"error": {"code": "ErrorAccessDenied", "message": "…"}}`. Gateways before them answer in
//! HTML; then the status is all there is.

use std::time::Duration;

use chrono::DateTime;
use domain::reply::Reply;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::gate::http::Answer;

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
    /// Reads an answer that is not the wanted one; `secrets` never come out again.
    pub(super) fn of(answer: &Answer, secrets: &[&str]) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let (error, text) = match body.get("error") {
            Some(Value::Object(graph)) => (text_of(graph.get("code")), text_of(graph.get("message"))),
            Some(Value::String(error)) => (error.as_str(), text_of(body.get("error_description"))),
            _ => ("", ""),
        };
        let first_line = text.lines().next().unwrap_or_default();
        Self {
            status: answer.status,
            error: name(error),
            number: number(&body, text),
            text: without(first_line, secrets),
            retry_after: retry_after(&answer.headers),
            request_id: request_id(&answer.headers, &body),
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

pub(super) fn without(text: &str, secrets: &[&str]) -> String {
    let kept = secrets.iter().filter(|secret| !secret.is_empty());
    kept.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

fn request_id(headers: &HeaderMap, body: &Value) -> Option<String> {
    let of_header = ["request-id", "x-ms-request-id"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok());
    let id = of_header.or_else(|| body.get("trace_id")?.as_str())?;
    Some(name(id))
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
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        Answer {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn wait(headers: &[(&'static str, &str)]) -> Option<u64> {
        let refusal = Refusal::of(&answer(429, headers, ""), &[]);
        refusal.retry_after.map(|wait| wait.as_secs())
    }

    #[test]
    fn both_services_shapes_are_read_and_html_leaves_the_status() {
        let entra = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1","error_codes":[7000215],"trace_id":"1-2"}"#;
        let refusal = Refusal::of(&answer(401, &[], entra), &[]);
        assert_eq!(
            (refusal.error.as_str(), refusal.number),
            ("invalid_client", Some(7_000_215))
        );
        assert_eq!(refusal.text, "AADSTS7000215: Invalid client secret provided.");
        assert_eq!(refusal.request_id.as_deref(), Some("1-2"));

        let graph = r#"{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}"#;
        let refusal = Refusal::of(&answer(403, &[("request-id", "7")], graph), &[]);
        assert_eq!(
            refusal.reply(),
            Reply::new(403, "ErrorAccessDenied: Access is denied. (request 7)")
        );

        let refusal = Refusal::of(&answer(502, &[], "<html>Bad Gateway</html>"), &[]);
        assert_eq!(
            (refusal.status, refusal.error.as_str(), refusal.number),
            (502, "", None)
        );
    }

    #[test]
    fn a_number_is_found_in_the_text_where_the_list_is_missing() {
        let body = r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application was not found"}"#;
        assert_eq!(Refusal::of(&answer(400, &[], body), &[]).number, Some(700_016));
    }

    #[test]
    fn a_credential_that_comes_back_in_a_text_goes_no_further() {
        let body = r#"{"error":"invalid_client","error_description":"the secret S3cret~x is wrong"}"#;
        let refusal = Refusal::of(&answer(401, &[], body), &["S3cret~x", ""]);
        assert_eq!(refusal.text, "the secret … is wrong");
    }

    #[test]
    fn a_wait_is_seconds_or_a_date_and_an_hour_at_most() {
        let date = ("date", "Wed, 25 Nov 2026 12:00:00 GMT");
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after", "17")]), Some(17));
        assert_eq!(wait(&[("retry-after", "86400")]), Some(3600));
        assert_eq!(
            wait(&[date, ("retry-after", "Wed, 25 Nov 2026 12:02:00 GMT")]),
            Some(120)
        );
        assert_eq!(wait(&[date, ("retry-after", "Wed, 25 Nov 2026 11:00:00 GMT")]), Some(0));
        assert_eq!(wait(&[("retry-after", "Wed, 25 Nov 2026 12:02:00 GMT")]), None);
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "99999999999999999999999")]), None);
    }
}
