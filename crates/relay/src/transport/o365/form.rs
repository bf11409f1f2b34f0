//! The two forms in which Graph takes a mail.
//!
//! MIME, in base64, is the mail as we composed it, with both of its texts and all of its headers; Microsoft keeps a copy of
//! it in *Sent Items* whatever one says. A sign-in code must not lie there, so it goes as JSON, which can say so. The JSON is
//! made from the composed mail, so that both forms are one text.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::message::kind::Kind;
use mail_parser::{Address, Message, MessageParser};
use serde_json::{Value, json};

use super::fault::Fault;
use crate::{compose::WireMessage, wire_form};

/// Octets of a request's body at most: what Graph takes.
pub const MAX_REQUEST: usize = domain::connection::MAX_O365_REQUEST;
/// Headers of one's own that Graph takes in JSON.
const MAX_HEADERS: usize = 5;

/// In which form a mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it was composed; a copy is kept in *Sent Items*.
    Mime,
    /// As a description; no copy is kept.
    Json,
}

/// A request's body and how it is to be read.
pub(super) struct Written {
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

impl Form {
    /// The form for a kind of mail. A code is never kept, whatever the settings say of other mail: it would outlive its use
    /// there, readable to everybody who shares the mailbox.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::TwoFactorCode => Self::Json,
            Kind::AccessRequest | Kind::Notification | Kind::System => Self::Mime,
        }
    }

    /// Writes a mail in this form.
    pub(super) fn write(self, mail: &WireMessage) -> Result<Written, Fault> {
        wire_form::check(&mail.bytes).map_err(|fault| Fault::Unfit(fault.to_string()))?;
        let written = match self {
            Self::Mime => Written {
                content_type: "text/plain",
                body: STANDARD.encode(&mail.bytes).into_bytes(),
            },
            Self::Json => Written {
                content_type: "application/json",
                body: describe(mail)?.to_string().into_bytes(),
            },
        };
        if written.body.len() > MAX_REQUEST {
            return Err(Fault::TooLarge);
        }
        Ok(written)
    }
}

fn describe(mail: &WireMessage) -> Result<Value, Fault> {
    let parsed = MessageParser::default().parse(&mail.bytes);
    let parsed = parsed.ok_or_else(|| Fault::Unfit("it cannot be read back".to_owned()))?;
    let mut message = json!({
        "subject": parsed.subject().unwrap_or_default(),
        "body": body(&parsed),
        "toRecipients": people(parsed.to()),
        "internetMessageHeaders": headers(&parsed),
    });
    let optional = [
        ("from", people(parsed.from()).into_iter().next()),
        (
            "replyTo",
            Some(people(parsed.reply_to()).into()).filter(|list| *list != json!([])),
        ),
        (
            "internetMessageId",
            parsed.message_id().map(|id| format!("<{id}>").into()),
        ),
    ];
    for (name, value) in optional {
        if let (Some(value), Some(message)) = (value, message.as_object_mut()) {
            message.insert(name.to_owned(), value);
        }
    }
    Ok(json!({ "message": message, "saveToSentItems": false }))
}

/// Graph takes one text; the HTML holds all that the plain one does.
fn body(parsed: &Message<'_>) -> Value {
    let html = parsed.html_part(0).filter(|part| part.is_text_html());
    match (html, parsed.body_html(0), parsed.body_text(0)) {
        (Some(_), Some(html), _) => json!({ "contentType": "HTML", "content": html }),
        (_, _, text) => json!({ "contentType": "Text", "content": text.unwrap_or_default() }),
    }
}

fn people(address: Option<&Address<'_>>) -> Vec<Value> {
    let listed = address.into_iter().flat_map(Address::iter);
    listed
        .filter_map(|one| {
            let mut person = json!({ "address": one.address()? });
            if let (Some(name), Some(person)) = (one.name(), person.as_object_mut()) {
                person.insert("name".to_owned(), name.into());
            }
            Some(json!({ "emailAddress": person }))
        })
        .collect()
}

/// Graph lets through only headers that begin with X-.
fn headers(parsed: &Message<'_>) -> Vec<Value> {
    let own = parsed
        .headers_raw()
        .filter(|(name, _)| name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-")));
    own.take(MAX_HEADERS)
        .map(|(name, value)| {
            let unfolded: String = value.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            json!({ "name": name, "value": unfolded.trim() })
        })
        .collect()
}
