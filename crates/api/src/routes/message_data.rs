//! What messages say, as producers write it: one shape for each kind, and the document's words for them.

use deserr::{Deserr, IntoValue, ValuePointerRef};
use domain::{
    fault::Fault,
    message::kind::{
        AccessRequest, Content, Kind, Link, LinkScheme, MAX_BODY, MAX_LINE, MAX_REASON, MAX_SUBJECT, Notification,
        Severity, System, TwoFactorCode, parse_code, parse_line, parse_text, parse_url,
    },
};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{OneOfBuilder, Ref, RefOr, Schema},
};

use crate::body::{Bounded, Faults, Parsed};

/// The data of any kind, for the document.
pub(crate) struct MessageData;

impl PartialSchema for MessageData {
    fn schema() -> RefOr<Schema> {
        let kinds = [
            "TwoFactorCodeData",
            "AccessRequestData",
            "NotificationData",
            "SystemData",
        ];
        let one_of = kinds.into_iter().fold(OneOfBuilder::new(), |one_of, kind| {
            one_of.item(Ref::from_schema_name(kind))
        });
        Schema::OneOf(one_of.description(Some("What the message says, by its kind.")).build()).into()
    }
}

impl ToSchema for MessageData {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push(("TwoFactorCodeData".to_owned(), TwoFactorInput::schema()));
        schemas.push(("AccessRequestData".to_owned(), AccessRequestInput::schema()));
        schemas.push(("NotificationData".to_owned(), NotificationInput::schema()));
        schemas.push(("SystemData".to_owned(), SystemInput::schema()));
        schemas.push(("Link".to_owned(), LinkInput::schema()));
    }
}

/// The data of a kind.
pub(crate) fn content(kind: Kind, data: Value) -> Result<Content, Faults> {
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

/// What a `two_factor_code` says.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = TwoFactorCodeData)]
struct TwoFactorInput {
    /// 4 to 16 letters or digits.
    #[schema(value_type = String, example = "493021", pattern = "^[A-Za-z0-9]{4,16}$")]
    code: Parsed<CodeText>,
    /// Minutes it is good for; also the life of the message.
    #[schema(value_type = u32, example = 10, minimum = 1, maximum = 60)]
    expires_in_minutes: Bounded<1, 60>,
}

/// What an `access_request` says.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = AccessRequestData)]
struct AccessRequestInput {
    /// Who asks; one line of at most 200 characters.
    #[schema(value_type = String, example = "Bob", max_length = 200)]
    requester: Parsed<Line<MAX_LINE>>,
    /// For what; one line of at most 200 characters.
    #[schema(value_type = String, example = "Oracle root", max_length = 200)]
    resource: Parsed<Line<MAX_LINE>>,
    /// Why; at most 4000 octets.
    #[schema(value_type = String, example = "Restore of the billing database")]
    reason: Parsed<Text<MAX_REASON>>,
    /// For how long, as people say it.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "4 h", max_length = 200)]
    duration: Option<Parsed<Line<MAX_LINE>>>,
    /// The producer's page for yes; `https`, at most 2048 octets.
    #[schema(value_type = String, example = "https://pam.example.com/requests/42/approve")]
    approve_url: Parsed<HttpsUrl>,
    /// The producer's page for no; `https`, at most 2048 octets.
    #[schema(value_type = String, example = "https://pam.example.com/requests/42/deny")]
    deny_url: Parsed<HttpsUrl>,
    /// The producer's page for a closer look; `https`, at most 2048 octets.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "https://pam.example.com/requests/42")]
    review_url: Option<Parsed<HttpsUrl>>,
}

/// What a `notification` says.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = NotificationData)]
struct NotificationInput {
    /// One line of at most 250 characters.
    #[schema(value_type = String, example = "A secret expires in 7 days", max_length = 250)]
    subject: Parsed<Line<MAX_SUBJECT>>,
    /// Markdown, at most 1 MiB; raw HTML in it is shown, not obeyed.
    #[schema(value_type = String, example = "The secret **Graph mailer** expires on *31 January*.")]
    body_markdown: Parsed<Text<MAX_BODY>>,
    /// `info` (default), `warning` or `critical`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "warning")]
    severity: Option<Parsed<Severity>>,
    /// One button.
    #[deserr(default)]
    #[schema(nullable)]
    action: Option<LinkInput>,
}

/// A button.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = Link)]
struct LinkInput {
    /// What it says; at most 200 characters.
    #[schema(value_type = String, example = "Open the secret", max_length = 200)]
    label: Parsed<Line<MAX_LINE>>,
    /// Where it leads; `https` or `mailto`, at most 2048 octets.
    #[schema(value_type = String, example = "https://pam.example.com/secrets/7")]
    url: Parsed<LinkUrl>,
}

/// What a `system` message says.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = SystemData)]
struct SystemInput {
    /// One line of at most 250 characters.
    #[schema(value_type = String, example = "Welcome", max_length = 250)]
    subject: Parsed<Line<MAX_SUBJECT>>,
    /// Plain text, at most 1 MiB.
    #[schema(value_type = String, example = "Your account is ready.")]
    body_text: Parsed<Text<MAX_BODY>>,
    /// HTML, at most 1 MiB; sanitised before it is sent.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "<p>Your account is ready.</p>")]
    body_html: Option<Parsed<Text<MAX_BODY>>>,
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
