//! Reading what was sent: MIME in base64, or JSON.

use base64::{Engine, engine::general_purpose::STANDARD};
use mail_parser::{Address, MessageParser};
use serde_json::Value;

use super::kept::{Form, SentItems};

/// The names that a message may have; others are refused, as Graph refuses them.
const PROPERTIES: [&str; 10] = [
    "subject",
    "body",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "from",
    "sender",
    "replyTo",
    "internetMessageId",
    "internetMessageHeaders",
];
/// Headers of one's own at most.
const MAX_HEADERS: usize = 5;

/// A mail that can be read.
pub(super) struct Sent {
    pub(super) form: Form,
    pub(super) copy: SentItems,
    pub(super) from: Option<String>,
    pub(super) subject: String,
    pub(super) recipients: Vec<String>,
    pub(super) data: Vec<u8>,
}

/// Reads a request's body, or says the name of the error.
pub(super) fn read(content_type: &str, body: &[u8]) -> Result<Sent, &'static str> {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "text/plain" => of_mime(body),
        "application/json" => of_json(body),
        _ => Err("BadRequest"),
    }
}

fn of_mime(body: &[u8]) -> Result<Sent, &'static str> {
    let data = STANDARD
        .decode(body)
        .map_err(|_| "ErrorMimeContentInvalidBase64String")?;
    let parsed = MessageParser::default().parse(&data).ok_or("ErrorMimeContentInvalid")?;
    let is_whole = parsed.from().is_some() && !data.windows(2).any(|pair| pair.ends_with(b"\n") && pair != b"\r\n");
    if !is_whole {
        return Err("ErrorMimeContentInvalid");
    }
    let lists = [parsed.to(), parsed.cc(), parsed.bcc()];
    Ok(Sent {
        form: Form::Mime,
        // Whatever one may wish for.
        copy: SentItems::Kept,
        from: addresses(parsed.from()).next(),
        subject: parsed.subject().unwrap_or_default().to_owned(),
        recipients: lists.into_iter().flat_map(addresses).collect(),
        data: data.clone(),
    })
}

fn addresses<'a>(list: Option<&'a Address<'a>>) -> impl Iterator<Item = String> {
    let people = list.into_iter().flat_map(Address::iter);
    people.filter_map(|one| one.address().map(str::to_owned))
}

fn of_json(body: &[u8]) -> Result<Sent, &'static str> {
    let request: Value = serde_json::from_slice(body).map_err(|_| "BadRequest")?;
    let message = request.get("message").and_then(Value::as_object).ok_or("BadRequest")?;
    if message.keys().any(|name| !PROPERTIES.contains(&name.as_str())) {
        return Err("RequestBodyRead");
    }
    let copy = match request.get("saveToSentItems") {
        None | Some(Value::Bool(true)) => SentItems::Kept,
        Some(Value::Bool(false)) => SentItems::Dropped,
        Some(_) => return Err("RequestBodyRead"),
    };
    check_body(message.get("body"))?;
    check_headers(message.get("internetMessageHeaders"))?;
    let lists = ["toRecipients", "ccRecipients", "bccRecipients"];
    let people = lists.iter().filter_map(|name| message.get(*name)?.as_array()).flatten();
    Ok(Sent {
        form: Form::Json,
        copy,
        from: message.get("from").and_then(address),
        subject: message
            .get("subject")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        recipients: people.filter_map(address).collect(),
        data: body.to_vec(),
    })
}

fn address(person: &Value) -> Option<String> {
    let address = person.get("emailAddress")?.get("address")?;
    address.as_str().map(str::to_owned)
}

fn check_body(body: Option<&Value>) -> Result<(), &'static str> {
    let word = |name: &str| body.and_then(|body| body.get(name)?.as_str());
    match (word("contentType"), word("content")) {
        (Some("HTML" | "Text" | "html" | "text"), Some(_)) => Ok(()),
        (_, _) => Err("RequestBodyRead"),
    }
}

/// Only headers of one's own, which begin with X-, and few of them.
fn check_headers(headers: Option<&Value>) -> Result<(), &'static str> {
    let Some(headers) = headers else {
        return Ok(());
    };
    let headers = headers.as_array().ok_or("RequestBodyRead")?;
    let is_own = |header: &Value| {
        let name = header.get("name").and_then(Value::as_str).unwrap_or_default();
        let starts_with_x = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
        starts_with_x && header.get("value").is_some_and(Value::is_string)
    };
    let good = headers.len() <= MAX_HEADERS && headers.iter().all(is_own);
    good.then_some(()).ok_or("RequestBodyRead")
}
