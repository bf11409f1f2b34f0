//! Small shapes that several resources share on the wire.

use chrono::SecondsFormat;
use deserr::Deserr;
use domain::{clock::Timestamp, fault::Fault};
use utoipa::ToSchema;

use crate::body::{Faults, Parsed};

/// An instant as clients see it: RFC 3339, UTC, milliseconds.
pub(crate) fn instant(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An instant as clients write it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireInstant(pub(crate) Timestamp);

impl std::str::FromStr for WireInstant {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        chrono::DateTime::parse_from_rfc3339(text)
            .map(|at| Self(at.to_utc()))
            .map_err(|_| Fault::invalid("An instant looks like 2026-01-31T12:00:00Z (RFC 3339)."))
    }
}

/// Why an operator does something.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct Reason {
    /// For the people who will ask; 1 to 500 characters.
    #[schema(value_type = String, example = "Unpaid since October", min_length = 1, max_length = 500)]
    pub(crate) reason: Parsed<ReasonText>,
}

/// A reason, checked.
#[derive(Debug, Clone)]
pub(crate) struct ReasonText(pub(crate) String);

impl std::str::FromStr for ReasonText {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        domain::tenant::parse_reason(text).map(Self)
    }
}

/// A name of something, for people: one line of 1 to 100 characters.
#[derive(Debug, Clone)]
pub(crate) struct Label(pub(crate) String);

impl std::str::FromStr for Label {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        domain::message::kind::parse_line(text, 100).map(Self)
    }
}

/// The version an edit is based on, from `If-Match` (RFC 9110 §13.1.1).
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl actix_web::FromRequest for IfMatch {
    type Error = crate::problem::Problem;
    type Future = futures_util::future::Ready<Result<Self, Self::Error>>;

    fn from_request(request: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let given: Vec<&str> = request
            .headers()
            .get_all("If-Match")
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        futures_util::future::ready(Ok(Self::parse(&given.join(","))))
    }
}

impl IfMatch {
    /// Whether the edit is based on this version, or on none.
    pub(crate) fn check(&self, current: i64) -> Result<(), crate::problem::Problem> {
        match self.0 {
            Some(expected) if expected != current => Err(storage::StoreError::VersionMismatch { current }.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// One strong tag, or `*`, or nothing; what is none of ours, weak ones included, matches no version.
    fn parse(text: &str) -> Self {
        let version = |tag: &str| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse::<i64>().ok();
        match text.trim() {
            "" | "*" => Self(None),
            tag => Self(version(tag).or(Some(-1))),
        }
    }
}

/// The entity tag of a version.
pub(crate) fn etag(version: i64) -> (&'static str, String) {
    ("ETag", format!("\"{version}\""))
}
