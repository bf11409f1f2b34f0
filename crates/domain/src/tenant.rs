//! Tenants: who they are, which edition they bought, what the provider allows them.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{address::DisplayName, clock::Timestamp, fault::Fault, ids::TenantId};

/// Which of the two products a tenant runs; decided once, when the tenant is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edition {
    /// The provider's relay sends.
    Cloud,
    /// The tenant's own server sends.
    OnPremises,
}

impl Edition {
    /// Both editions.
    pub const ALL: [Self; 2] = [Self::Cloud, Self::OnPremises];

    /// The value as clients and tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::OnPremises => "on_premises",
        }
    }
}

impl FromStr for Edition {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|edition| edition.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of cloud, on_premises."))
    }
}

/// A tenant's short name in paths and in its fallback From domain.
///
/// One LDH label (RFC 5890 §2.3.1) of 1–63 lower-case characters, never shaped like a UUID, so that a path segment is an id
/// or a slug and never both.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slug(String);

impl Slug {
    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.len() > 63 {
            return Err(Fault::too_long("A slug has at most 63 characters."));
        }
        let letters = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if text.is_empty() || !letters || text.starts_with('-') || text.ends_with('-') {
            return Err(Fault::invalid("A slug is made of a-z, 0-9 and inner hyphens."));
        }
        if Uuid::parse_str(text).is_ok() {
            return Err(Fault::invalid("A slug must not look like an id."));
        }
        // "xn--" and its like would be read as an encoded label in the fallback From domain (RFC 5890 §2.3.1).
        if text.get(2..4) == Some("--") {
            return Err(Fault::invalid(
                "A slug must not have hyphens in third and fourth place.",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the provider allows a tenant; `None` is the deployment's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Messages accepted in a minute.
    pub messages_per_minute: Option<u32>,
    /// Messages accepted in a day (UTC).
    pub messages_per_day: Option<u32>,
    /// Deliveries waiting at once.
    pub max_queued: Option<u32>,
    /// API requests in a second.
    pub requests_per_second: Option<u32>,
    /// Test emails in a minute; 5 by default.
    pub test_emails_per_minute: Option<u32>,
    /// Test emails in a day (UTC); 30 by default.
    pub test_emails_per_day: Option<u32>,
    /// Two-factor codes to one recipient in 15 minutes; 5 by default.
    pub codes_per_recipient_15min: Option<u32>,
    /// Slots in a turn of its lane, among the tenants that have mail due: 1 to [`MAX_WEIGHT`]; 1 by default.
    pub weight: Option<u32>,
}

/// Test emails in a minute where the provider sets no other limit.
pub const DEFAULT_TEST_EMAILS_PER_MINUTE: u32 = 5;
/// Test emails in a day where the provider sets no other limit.
pub const DEFAULT_TEST_EMAILS_PER_DAY: u32 = 30;

/// The largest share a tenant can have: one with it sends a hundred times as often as one without, and nobody starves.
pub const MAX_WEIGHT: u32 = 100;

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its short name, unique.
    pub slug: Slug,
    /// Its name for people, and the first From name of a Cloud tenant.
    pub name: DisplayName,
    /// What it runs.
    pub edition: Edition,
    /// What it may do.
    pub limits: Limits,
    /// Set while the provider keeps it from sending.
    pub suspended: Option<Suspension>,
    /// Rises with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Why and since when a tenant may not send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub at: Timestamp,
    /// What the operator said.
    pub reason: String,
}

/// Longest reason an operator can give, in characters.
pub const MAX_REASON: usize = 500;

/// A reason as an operator gives it: one line of one to [`MAX_REASON`] characters.
///
/// # Errors
/// A [`Fault`] where it is empty, too long, or holds a control character.
pub fn parse_reason(text: &str) -> Result<String, Fault> {
    crate::message::kind::parse_line(text, MAX_REASON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_one_lower_case_label_not_shaped_like_an_id() {
        for good in ["acme", "a", "9lives", "a-b", &"x".repeat(63)] {
            assert!(good.parse::<Slug>().is_ok(), "{good:?} was refused");
        }
        for bad in [
            "",
            "Acme",
            "a_b",
            "-a",
            "a-",
            "a.b",
            "xn--bcher-kva",
            "ä",
            &"x".repeat(64),
            "0198a5c5-5d5e-7000-8000-000000000000",
            "0198a5c55d5e70008000000000000000",
        ] {
            assert!(bad.parse::<Slug>().is_err(), "{bad:?} was accepted");
        }
    }
}
