//! Bodies: read after authorization, within a limit, with every fault found at once.
//!
//! `deserr` goes on after a fault where serde stops; each fault comes with its JSON pointer.

use std::{ops::ControlFlow, str::FromStr};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::{Method, header},
    web::BytesMut,
};
use deserr::{
    DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, Value, ValueKind, ValuePointerRef, take_cf_content,
};
use domain::fault::{Fault, FaultCode};
use futures_util::{
    StreamExt as _,
    future::{Ready, ready},
};

use crate::{
    problem::{Code, Problem},
    strict_json::StrictJson,
};

/// Octets of a body where an operation does not say otherwise.
pub(crate) const DEFAULT_LIMIT: usize = 64 * 1024;

/// A body that has not been looked at yet.
pub(crate) struct Body {
    payload: Payload,
    content_type: String,
    encoded: Option<String>,
    patches: bool,
}

impl FromRequest for Body {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let header = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        ready(Ok(Self {
            payload: payload.take(),
            content_type: request.content_type().to_owned(),
            encoded: header(header::CONTENT_ENCODING),
            patches: request.method() == Method::PATCH,
        }))
    }
}

impl Body {
    /// Reads it all, within `limit` octets. It is never decompressed: a small body must not become a large one.
    pub(crate) async fn bytes(mut self, content_type: &str, limit: usize) -> Result<Vec<u8>, Problem> {
        if self.encoded.as_deref().is_some_and(|encoding| encoding != "identity") {
            return Err(Problem::new(
                Code::UnsupportedMediaType,
                "Bodies must not be compressed.",
            ));
        }
        // A merge patch may say that it is one (RFC 7396 §4).
        let merge_patch = self.patches && self.content_type == "application/merge-patch+json";
        if self.content_type != content_type && !merge_patch {
            return Err(Problem::new(
                Code::UnsupportedMediaType,
                format!("The body must be {content_type}."),
            ));
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.payload.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Code::InvalidJson, "The body ended early."))?;
            if bytes.len() + chunk.len() > limit {
                return Err(Problem::new(
                    Code::PayloadTooLarge,
                    format!("The body may have at most {limit} octets."),
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.to_vec())
    }

    /// Reads a JSON value of at most [`DEFAULT_LIMIT`] octets.
    pub(crate) async fn json(self) -> Result<serde_json::Value, Problem> {
        parse_json(&self.bytes("application/json", DEFAULT_LIMIT).await?)
    }

    /// Reads a value of at most [`DEFAULT_LIMIT`] octets.
    pub(crate) async fn read<T: Deserr<Faults>>(self) -> Result<T, Problem> {
        read_value(self.json().await?)
    }
}

/// Bytes to JSON; depth is bounded at 128 by the parser.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<serde_json::Value, Problem> {
    let parsed = serde_json::from_slice(bytes).map(|StrictJson(value)| value);
    parsed.map_err(|error| {
        Problem::new(
            Code::InvalidJson,
            format!("Not JSON at line {}, column {}.", error.line(), error.column()),
        )
    })
}

/// JSON to a value, or every fault of it.
pub(crate) fn read_value<T: Deserr<Faults>>(value: serde_json::Value) -> Result<T, Problem> {
    deserr::deserialize(value).map_err(|faults: Faults| Problem::invalid(faults.0))
}

/// Faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    pub(crate) fn one(fault: Fault, location: ValuePointerRef<'_>) -> Self {
        Self(vec![fault.at(&pointer(location))])
    }

    /// The value, or nothing and its fault noted below `pointer`.
    pub(crate) fn note<T>(&mut self, pointer: &str, parsed: Result<T, Fault>) -> Option<T> {
        parsed.map_err(|fault| self.0.push(fault.at(pointer))).ok()
    }
}

impl MergeWithError<Self> for Faults {
    fn merge(self_: Option<Self>, other: Self, _: ValuePointerRef) -> ControlFlow<Self, Self> {
        let mut faults = self_.unwrap_or_default();
        faults.0.extend(other.0);
        ControlFlow::Continue(faults)
    }
}

impl DeserializeError for Faults {
    fn error<V: IntoValue>(
        self_: Option<Self>,
        error: ErrorKind<V>,
        location: ValuePointerRef,
    ) -> ControlFlow<Self, Self> {
        let mut faults = self_.unwrap_or_default();
        let here = pointer(location);
        let fault = match error {
            ErrorKind::MissingField { field } => {
                Fault::new(FaultCode::Required, "This field is required.").at(&child(&here, field))
            }
            ErrorKind::UnknownKey { key, .. } => {
                Fault::new(FaultCode::UnknownField, "There is no such field here.").at(&child(&here, key))
            }
            ErrorKind::IncorrectValueKind {
                actual: Value::Null, ..
            } => Fault::new(FaultCode::Required, "Must not be null.").at(&here),
            ErrorKind::IncorrectValueKind { accepted, .. } => {
                Fault::invalid(format!("Must be {}.", kinds(accepted))).at(&here)
            }
            ErrorKind::UnknownValue { accepted, .. } => {
                Fault::invalid(format!("One of {}.", accepted.join(", "))).at(&here)
            }
            ErrorKind::BadSequenceLen { expected, .. } => {
                Fault::invalid(format!("Must have {expected} entries.")).at(&here)
            }
            ErrorKind::Unexpected { .. } => Fault::new(FaultCode::OutOfRange, "The number is out of range.").at(&here),
        };
        faults.0.push(fault);
        ControlFlow::Continue(faults)
    }
}

fn kinds(accepted: &[ValueKind]) -> String {
    let names = accepted.iter().map(|kind| match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "true or false",
        ValueKind::Integer => "a whole number, not negative",
        ValueKind::NegativeInteger => "a negative whole number",
        ValueKind::Float => "a number",
        ValueKind::String => "a text",
        ValueKind::Sequence => "a list",
        ValueKind::Map => "an object",
    });
    names.collect::<Vec<_>>().join(" or ")
}

/// The JSON pointer (RFC 6901) of a place.
fn pointer(location: ValuePointerRef<'_>) -> String {
    match location {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => child(&pointer(*prev), key),
        ValuePointerRef::Index { index, prev } => format!("{}/{index}", pointer(*prev)),
    }
}

/// The pointer of a member below another.
pub(crate) fn child(parent: &str, key: &str) -> String {
    format!("{parent}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A text that is parsed where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Parsed<T>(pub(crate) T);

impl<T: FromStr<Err = Fault>> Deserr<Faults> for Parsed<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Faults> {
        let text: String = Deserr::<Faults>::deserialize_from_value(value, location)?;
        text.parse().map(Self).map_err(|fault| Faults::one(fault, location))
    }
}

/// A whole number within bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounded<const MIN: i64, const MAX: i64>(pub(crate) i64);

impl<const MIN: i64, const MAX: i64> Deserr<Faults> for Bounded<MIN, MAX> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Faults> {
        let number = match value {
            Value::Integer(number) => i64::try_from(number).ok(),
            Value::NegativeInteger(number) => Some(number),
            other @ (Value::Null
            | Value::Boolean(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Sequence(_)
            | Value::Map(_)) => {
                let kind = ErrorKind::IncorrectValueKind {
                    actual: other,
                    accepted: &[ValueKind::Integer],
                };
                return Err(take_cf_content(Faults::error(None, kind, location)));
            }
        };
        number
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Self)
            .ok_or_else(|| {
                Faults::one(
                    Fault::new(FaultCode::OutOfRange, format!("Must be from {MIN} to {MAX}.")),
                    location,
                )
            })
    }
}

/// A member of a merge patch (RFC 7396): absent is as it was, null is removed.
#[derive(Debug, Clone, Default)]
pub(crate) enum Patch<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<T: Deserr<Faults>> Deserr<Faults> for Patch<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef) -> Result<Self, Faults> {
        match value {
            Value::Null => Ok(Self::Null),
            other @ (Value::Boolean(_)
            | Value::Integer(_)
            | Value::NegativeInteger(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Sequence(_)
            | Value::Map(_)) => T::deserialize_from_value(other, location).map(Self::Value),
        }
    }
}

impl<T> Patch<T> {
    /// The new value of a member that cannot be removed.
    pub(crate) fn required(self, pointer: &str, faults: &mut Faults) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Value(value) => Some(value),
            Self::Null => {
                faults
                    .0
                    .push(Fault::new(FaultCode::Required, "Must not be null.").at(pointer));
                None
            }
        }
    }

    /// The value after the patch.
    pub(crate) fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Absent => before,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

#[cfg(test)]
mod tests;
