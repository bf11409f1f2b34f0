//! The four kinds of system mail, each with its typed data, its lane and its life.
//!
//! A new kind is a variant here; the compiler lists the rest.

use std::str::FromStr;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::fault::{Fault, FaultCode};

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A sign-in code.
    TwoFactorCode,
    /// Somebody asks for access; the reader decides.
    AccessRequest,
    /// Something happened.
    Notification,
    /// The product speaks for itself.
    System,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::TwoFactorCode,
        Self::AccessRequest,
        Self::Notification,
        Self::System,
    ];

    /// The value as clients and tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TwoFactorCode => "two_factor_code",
            Self::AccessRequest => "access_request",
            Self::Notification => "notification",
            Self::System => "system",
        }
    }

    /// The lane its deliveries wait in.
    #[must_use]
    pub const fn lane(self) -> Lane {
        match self {
            Self::TwoFactorCode => Lane::Urgent,
            Self::AccessRequest => Lane::Interactive,
            Self::Notification | Self::System => Lane::Background,
        }
    }
}

impl FromStr for Kind {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of two_factor_code, access_request, notification, system."))
    }
}

/// How long a delivery may wait: each lane has workers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Somebody sits before a sign-in page.
    Urgent,
    /// Somebody waits for a decision.
    Interactive,
    /// Nobody waits.
    Background,
}

impl Lane {
    /// Every lane, most urgent first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Interactive, Self::Background];

    /// The value as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Interactive => "interactive",
            Self::Background => "background",
        }
    }

    /// The value as tables hold it: it sorts as the lanes do.
    #[must_use]
    pub const fn rank(self) -> i16 {
        match self {
            Self::Urgent => 0,
            Self::Interactive => 1,
            Self::Background => 2,
        }
    }

    /// The lane of a stored rank.
    #[must_use]
    pub fn of_rank(rank: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.rank() == rank)
    }
}

/// What a message says. Its serde form is the stored one, sealed; the wire's is the API's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// A sign-in code.
    TwoFactorCode(TwoFactorCode),
    /// Somebody asks for access.
    AccessRequest(AccessRequest),
    /// Something happened.
    Notification(Notification),
    /// The product speaks for itself.
    System(System),
}

impl Content {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::TwoFactorCode(_) => Kind::TwoFactorCode,
            Self::AccessRequest(_) => Kind::AccessRequest,
            Self::Notification(_) => Kind::Notification,
            Self::System(_) => Kind::System,
        }
    }

    /// How long it is worth sending where the producer does not say.
    #[must_use]
    pub fn default_life(&self) -> Duration {
        match self {
            Self::TwoFactorCode(code) => Duration::minutes(i64::from(code.expires_in_minutes)),
            Self::AccessRequest(_) | Self::Notification(_) | Self::System(_) => Duration::hours(72),
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({})", self.kind().as_str())
    }
}

/// A sign-in code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwoFactorCode {
    /// 4–16 letters or digits.
    pub code: String,
    /// Minutes it is good for, 1–60.
    pub expires_in_minutes: u32,
}

/// A request for access, with where the reader decides.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRequest {
    /// Who asks.
    pub requester: String,
    /// For what.
    pub resource: String,
    /// Why.
    pub reason: String,
    /// For how long, as people say it.
    pub duration: Option<String>,
    /// The producer's page for yes.
    pub approve_url: String,
    /// The producer's page for no.
    pub deny_url: String,
    /// The producer's page for a closer look.
    pub review_url: Option<String>,
}

/// Something happened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The subject as given.
    pub subject: String,
    /// Markdown.
    pub body_markdown: String,
    /// How bad.
    pub severity: Severity,
    /// One button.
    pub action: Option<Link>,
}

/// The product speaks for itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// The subject as given.
    pub subject: String,
    /// Plain text.
    pub body_text: String,
    /// HTML, sanitised before it is sent.
    pub body_html: Option<String>,
}

/// A button.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it says.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// How bad a notified event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// Worth a look.
    Warning,
    /// Worth a look now.
    Critical,
}

impl Severity {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The value as clients write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl FromStr for Severity {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of info, warning, critical."))
    }
}

/// Characters of a one-line text (requester, resource, duration, label) at most.
pub const MAX_LINE: usize = 200;
/// Characters of a subject at most: what fits a few folded lines (RFC 5322 §2.1.1).
pub const MAX_SUBJECT: usize = 250;
/// Characters of a reason at most.
pub const MAX_REASON: usize = 4000;
/// Octets of a body text at most.
pub const MAX_BODY: usize = 1024 * 1024;
/// Octets of a URL at most.
pub const MAX_URL: usize = 2048;

/// A code people can type: 4–16 ASCII letters or digits.
///
/// # Errors
/// A [`Fault`] that never repeats the code.
pub fn parse_code(text: &str) -> Result<String, Fault> {
    let sound = (4..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if sound {
        Ok(text.to_owned())
    } else {
        Err(Fault::invalid("A code has 4 to 16 letters or digits."))
    }
}

/// A code's life in minutes, 1–60.
///
/// # Errors
/// A [`Fault`] of range.
pub fn parse_code_minutes(minutes: i64) -> Result<u32, Fault> {
    u32::try_from(minutes)
        .ok()
        .filter(|minutes| (1..=60).contains(minutes))
        .ok_or_else(|| Fault::new(FaultCode::OutOfRange, "A code lives 1 to 60 minutes."))
}

/// One line of text, of 1 to `max` characters, without anything invisible.
///
/// # Errors
/// A [`Fault`] where it is empty, too long, or holds a line break or another invisible character.
pub fn parse_line(text: &str, max: usize) -> Result<String, Fault> {
    let line = text.trim();
    if line.is_empty() {
        return Err(Fault::new(FaultCode::Required, "Must not be empty."));
    }
    if line.chars().count() > max {
        return Err(Fault::too_long(format!("At most {max} characters.")));
    }
    if line.chars().any(is_hidden_in_text) {
        return Err(Fault::invalid(
            "Must be one line without control or bidirectional formatting characters.",
        ));
    }
    Ok(line.to_owned())
}

/// Text of several lines, of 1 to `max` octets; line breaks and tabs are the only controls.
///
/// # Errors
/// A [`Fault`] where it is empty, too long, or holds another control character.
pub fn parse_text(text: &str, max: usize) -> Result<String, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::new(FaultCode::Required, "Must not be empty."));
    }
    if text.len() > max {
        return Err(Fault::too_long(format!("At most {max} octets.")));
    }
    let unified = text.replace("\r\n", "\n");
    if unified
        .chars()
        .any(|c| is_hidden_in_text(c) && !matches!(c, '\n' | '\t'))
    {
        return Err(Fault::invalid(
            "Must not contain control or bidirectional formatting characters.",
        ));
    }
    Ok(unified)
}

/// Controls and bidi formatting; joiners stay, since scripts and emoji need them in running text.
fn is_hidden_in_text(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Which schemes a link may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkScheme {
    /// Only `https`.
    Https,
    /// `https` or `mailto`.
    HttpsOrMailto,
}

/// An absolute URL without credentials in it.
///
/// # Errors
/// A [`Fault`] where it is not one, is too long, or has another scheme.
pub fn parse_url(text: &str, scheme: LinkScheme) -> Result<String, Fault> {
    if text.len() > MAX_URL {
        return Err(Fault::too_long(format!("A URL has at most {MAX_URL} octets.")));
    }
    let url = Url::parse(text).map_err(|_| Fault::invalid("Not an absolute URL."))?;
    let allowed = match scheme {
        LinkScheme::Https => url.scheme() == "https",
        LinkScheme::HttpsOrMailto => matches!(url.scheme(), "https" | "mailto"),
    };
    if !allowed {
        return Err(Fault::invalid("The URL must start with https://."));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::invalid("The URL must not contain a user name or password."));
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_https_only() {
        for bad in [
            "javascript:alert(1)",
            "http://example.com",
            "//example.com",
            "data:text/html,x",
            "https://u:p@example.com/",
            "nonsense",
            "JaVaScRiPt:x",
        ] {
            assert!(
                parse_url(bad, LinkScheme::HttpsOrMailto).is_err(),
                "{bad:?} was accepted"
            );
        }
        assert!(parse_url("https://pam.example/r/1?x=1&y=2", LinkScheme::Https).is_ok());
        assert!(parse_url("mailto:it@acme.example", LinkScheme::HttpsOrMailto).is_ok());
        assert!(parse_url("mailto:it@acme.example", LinkScheme::Https).is_err());
    }

    #[test]
    fn a_line_is_one_line() {
        for bad in [
            "",
            "  ",
            "a\r\nBcc: x@y.z",
            "a\nb",
            "a\u{202E}b",
            "a\0b",
            "a\u{85}b",
            "a\u{2028}b",
        ] {
            assert!(parse_line(bad, MAX_LINE).is_err(), "{bad:?} was accepted");
        }
        assert!(parse_line("👩\u{200D}💻 requests नमस्ते", MAX_LINE).is_ok());
    }

    #[test]
    fn the_stored_form_reads_back() {
        let content = Content::TwoFactorCode(TwoFactorCode {
            code: "493021".into(),
            expires_in_minutes: 10,
        });
        let stored = serde_json::to_string(&content).unwrap();
        assert!(serde_json::from_str::<Content>(&stored).unwrap() == content);
        assert_eq!(format!("{content:?}"), "Content(two_factor_code)");
    }
}
