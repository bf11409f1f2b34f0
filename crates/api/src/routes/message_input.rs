//! Messages as producers write them: the envelope of every kind, and the data of each.

use deserr::{Deserr, IntoValue, ValuePointerRef};
use domain::{
    address::{DisplayName, EmailAddress},
    fault::Fault,
    message::{
        Locale, MAX_METADATA_ENTRIES, MAX_METADATA_TEXT, MAX_SUPERSEDE_KEY, Recipient,
        kind::{
            AccessRequest, Content, Kind, Link, LinkScheme, MAX_BODY, MAX_LINE, MAX_REASON, MAX_SUBJECT, Notification,
            Severity, System, TwoFactorCode, parse_code, parse_line, parse_text, parse_url,
        },
    },
};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    body::{Bounded, Faults, Parsed},
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
    #[schema(value_type = Object, example = json!({"code": "493021", "expires_in_minutes": 10}))]
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
    #[schema(value_type = Option<Object>, example = json!({"ticket": "42"}))]
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
        let entries: std::collections::BTreeMap<String, String> =
            Deserr::<Faults>::deserialize_from_value(value, location)?;
        let long = entries
            .iter()
            .any(|(key, value)| key.len() > MAX_METADATA_TEXT || value.len() > MAX_METADATA_TEXT);
        if entries.len() > MAX_METADATA_ENTRIES || long {
            let detail = format!("At most {MAX_METADATA_ENTRIES} texts of at most {MAX_METADATA_TEXT} octets.");
            return Err(Faults::one(Fault::too_long(detail), location));
        }
        Ok(Self(
            entries
                .into_iter()
                .map(|(key, value)| (key, Value::String(value)))
                .collect(),
        ))
    }
}

/// One line of text of at most `MAX` characters.
#[derive(Debug)]
struct Line<const MAX: usize>(String);

impl<const MAX: usize> std::str::FromStr for Line<MAX> {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        parse_line(text, MAX).map(Self)
    }
}

/// Text of several lines, of at most `MAX` octets.
#[derive(Debug)]
struct Text<const MAX: usize>(String);

impl<const MAX: usize> std::str::FromStr for Text<MAX> {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        parse_text(text, MAX).map(Self)
    }
}

/// A code people can type.
struct CodeText(String);

impl std::str::FromStr for CodeText {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        parse_code(text).map(Self)
    }
}

/// An `https` URL.
#[derive(Debug)]
struct HttpsUrl(String);

impl std::str::FromStr for HttpsUrl {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        parse_url(text, LinkScheme::Https).map(Self)
    }
}

/// An `https` or `mailto` URL.
#[derive(Debug)]
struct LinkUrl(String);

impl std::str::FromStr for LinkUrl {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        parse_url(text, LinkScheme::HttpsOrMailto).map(Self)
    }
}

#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct TwoFactorInput {
    code: Parsed<CodeText>,
    expires_in_minutes: Bounded<1, 60>,
}

#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct AccessRequestInput {
    requester: Parsed<Line<MAX_LINE>>,
    resource: Parsed<Line<MAX_LINE>>,
    reason: Parsed<Text<MAX_REASON>>,
    #[deserr(default)]
    duration: Option<Parsed<Line<MAX_LINE>>>,
    approve_url: Parsed<HttpsUrl>,
    deny_url: Parsed<HttpsUrl>,
    #[deserr(default)]
    review_url: Option<Parsed<HttpsUrl>>,
}

#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct NotificationInput {
    subject: Parsed<Line<MAX_SUBJECT>>,
    body_markdown: Parsed<Text<MAX_BODY>>,
    #[deserr(default)]
    severity: Option<Parsed<Severity>>,
    #[deserr(default)]
    action: Option<LinkInput>,
}

#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct LinkInput {
    label: Parsed<Line<MAX_LINE>>,
    url: Parsed<LinkUrl>,
}

#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct SystemInput {
    subject: Parsed<Line<MAX_SUBJECT>>,
    body_text: Parsed<Text<MAX_BODY>>,
    #[deserr(default)]
    body_html: Option<Parsed<Text<MAX_BODY>>>,
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

fn content(kind: Kind, data: Value) -> Result<Content, Faults> {
    let data = data.into_value();
    let origin = ValuePointerRef::Origin;
    let at = origin.push_key("data");
    Ok(match kind {
        Kind::TwoFactorCode => Content::TwoFactorCode(TwoFactorInput::deserialize_from_value(data, at)?.into()),
        Kind::AccessRequest => Content::AccessRequest(AccessRequestInput::deserialize_from_value(data, at)?.into()),
        Kind::Notification => Content::Notification(NotificationInput::deserialize_from_value(data, at)?.into()),
        Kind::System => Content::System(SystemInput::deserialize_from_value(data, at)?.into()),
    })
}

impl From<TwoFactorInput> for TwoFactorCode {
    fn from(input: TwoFactorInput) -> Self {
        Self {
            code: input.code.0.0,
            expires_in_minutes: u32::try_from(input.expires_in_minutes.0).unwrap_or(1),
        }
    }
}

impl From<AccessRequestInput> for AccessRequest {
    fn from(input: AccessRequestInput) -> Self {
        Self {
            requester: input.requester.0.0,
            resource: input.resource.0.0,
            reason: input.reason.0.0,
            duration: input.duration.map(|duration| duration.0.0),
            approve_url: input.approve_url.0.0,
            deny_url: input.deny_url.0.0,
            review_url: input.review_url.map(|url| url.0.0),
        }
    }
}

impl From<NotificationInput> for Notification {
    fn from(input: NotificationInput) -> Self {
        Self {
            subject: input.subject.0.0,
            body_markdown: input.body_markdown.0.0,
            severity: input.severity.map(|severity| severity.0).unwrap_or_default(),
            action: input.action.map(|action| Link {
                label: action.label.0.0,
                url: action.url.0.0,
            }),
        }
    }
}

impl From<SystemInput> for System {
    fn from(input: SystemInput) -> Self {
        Self {
            subject: input.subject.0.0,
            body_text: input.body_text.0.0,
            body_html: input.body_html.map(|html| html.0.0),
        }
    }
}
