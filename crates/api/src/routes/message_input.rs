//! Messages as producers write them: the envelope of every kind, and the data of each.

use deserr::{Deserr, IntoValue, ValuePointerRef};
use domain::{
    address::{DisplayName, EmailAddress},
    fault::Fault,
    message::{
        Locale, MAX_METADATA_ENTRIES, MAX_METADATA_TEXT, MAX_SUPERSEDE_KEY, Recipient,
        kind::{Content, Kind, parse_line},
    },
};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::message_data::{MessageData, content};
use crate::{
    body::{Faults, Parsed},
    problem::Problem,
    wire::WireInstant,
};

/// A message to be sent.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = NewMessage)]
pub(crate) struct MessageInput {
    /// `two_factor_code`, `access_request`, `notification` or `system`.
    #[schema(value_type = String, example = "two_factor_code")]
    #[expect(dead_code, reason = "`parse_content` reads it, since the data depends on it")]
    pub(crate) kind: Parsed<Kind>,
    /// 1 to 50 recipients; each gets a copy of their own.
    #[schema(min_items = 1, max_items = 50)]
    pub(crate) to: Vec<RecipientInput>,
    /// What it says, by kind.
    #[schema(value_type = MessageData)]
    #[expect(dead_code, reason = "`parse_content` reads it by kind")]
    pub(crate) data: Value,
    /// The language it is rendered in (BCP 47); `en` by default.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "en")]
    pub(crate) locale: Option<Parsed<Locale>>,
    /// When it is too late to send: any instant within 30 days. By default a code's own life, else 72 hours.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = json!(null))]
    pub(crate) expires_at: Option<Parsed<WireInstant>>,
    /// Not before then.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = json!(null))]
    pub(crate) send_at: Option<Parsed<WireInstant>>,
    /// A newer message of the same kind and key replaces what still waits of older ones; at most 255 characters.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "user-17", max_length = 255)]
    pub(crate) supersede_key: Option<Parsed<SupersedeKey>>,
    /// Marks of the producer's own: at most 20 texts of at most 500 octets; returned, never sent.
    #[deserr(default)]
    #[schema(value_type = Option<std::collections::BTreeMap<String, String>>, example = json!({"ticket": "42"}))]
    pub(crate) metadata: Option<Metadata>,
}

/// A recipient.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = Recipient)]
pub(crate) struct RecipientInput {
    /// The address.
    #[schema(value_type = String, example = "bob@acme.example")]
    email: Parsed<EmailAddress>,
    /// The person's name.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Bob")]
    name: Option<Parsed<DisplayName>>,
}

impl From<RecipientInput> for Recipient {
    fn from(input: RecipientInput) -> Self {
        Self {
            email: input.email.0,
            name: input.name.map(|name| name.0),
        }
    }
}

/// A key messages can be replaced by.
#[derive(Debug)]
pub(crate) struct SupersedeKey(pub(crate) String);

impl std::str::FromStr for SupersedeKey {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        parse_line(text, MAX_SUPERSEDE_KEY).map(Self)
    }
}

/// Marks of the producer's own.
#[derive(Debug)]
pub(crate) struct Metadata(pub(crate) Map<String, Value>);

impl Deserr<Faults> for Metadata {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef,
    ) -> Result<Self, Faults> {
        // By hand: the library's own maps forget the faults of their entries.
        let object: Map<String, Value> = match Value::deserialize_from_value(value, location)? {
            Value::Object(object) => object,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(Faults::one(Fault::invalid("Must be an object of texts."), location));
            }
        };
        let mut faults = Faults::default();
        let not_texts = object.iter().filter(|(_, value)| !value.is_string());
        for (key, _) in not_texts {
            let fault = Faults::one(Fault::invalid("Must be a text."), location.push_key(key));
            faults.0.extend(fault.0);
        }
        if !faults.0.is_empty() {
            return Err(faults);
        }
        let too_long = |text: &str| text.len() > MAX_METADATA_TEXT;
        let long = object
            .iter()
            .any(|(key, value)| too_long(key) || value.as_str().is_some_and(too_long));
        if object.len() > MAX_METADATA_ENTRIES || long {
            let detail = format!("At most {MAX_METADATA_ENTRIES} texts of at most {MAX_METADATA_TEXT} octets.");
            return Err(Faults::one(Fault::too_long(detail), location));
        }
        Ok(Self(object))
    }
}

/// A message and its data, with the faults of both.
pub(crate) fn parse_content(mut value: Value) -> Result<(MessageInput, Option<Content>, Vec<Fault>), Problem> {
    // The data is looked at also where the envelope is wrong, so that a caller sees all faults at once.
    let kind = value
        .get("kind")
        .and_then(Value::as_str)
        .and_then(|kind| kind.parse().ok());
    let data = value.get_mut("data").map(std::mem::take);
    if let (Some(data), Some(object)) = (&data, value.as_object_mut()) {
        // Its place stays taken, and a null one is missed.
        object.insert(
            "data".to_owned(),
            if data.is_null() {
                Value::Null
            } else {
                Value::Object(Map::new())
            },
        );
    }
    let content = kind
        .zip(data.filter(|data| !data.is_null()))
        .map(|(kind, data)| content(kind, data));
    let (content, mut faults) = match content {
        None => (None, Vec::new()),
        Some(Ok(content)) => (Some(content), Vec::new()),
        Some(Err(faults)) => (None, faults.0),
    };
    if value.get("data").is_some_and(Value::is_null) {
        faults.push(Fault::new(domain::fault::FaultCode::Required, "Must not be null.").at("/data"));
    }
    match deserr::deserialize::<MessageInput, _, Faults>(value) {
        Ok(input) => Ok((input, content, faults)),
        Err(of_envelope) => Err(Problem::invalid(of_envelope.0.into_iter().chain(faults).collect())),
    }
}
