//! What the report is made of: settings, and what was seen of them.

use super::Observation;
use crate::{branding::EffectiveFrom, clock::Timestamp, connection::EmailSettings};

/// Everything the rules look at.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// When they are looked at.
    pub now: Timestamp,
    /// The settings that are judged.
    pub settings: &'a EmailSettings,
    /// The From that recipients see by them.
    pub from: Option<EffectiveFrom>,
    /// How the last session by them went, as far as it tells of its protection.
    pub observed: Option<Observation>,
    /// When a server last took a message by them.
    pub taken_at: Option<Timestamp>,
    /// Their password or client secret.
    pub credential: Credential,
    /// Whether a test email passed with them.
    pub tested: Tested,
    /// Whether this tenant's people sign in by mailed codes.
    pub codes: Codes,
    /// Whether this tenant's people approve by mailed links.
    pub approvals: Approvals,
}

/// A password's or client secret's dates, as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Credential {
    /// When it was given to us.
    pub given_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Whether a test email passed with just these settings in the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tested {
    /// One did.
    Lately,
    /// None did.
    No,
}

/// Whether two-factor codes were sent in the last 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codes {
    /// They were.
    Sent,
    /// They were not.
    None,
}

/// Whether access requests were sent in the last 30 days, and where their links lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approvals {
    /// None was.
    None,
    /// The links of the mail are the producer's own.
    AtProducer,
    /// They lead to our own page, which acts on POST alone, over HTTPS.
    OwnPage,
    /// They lead to our own page, in clear.
    OwnPageInClear,
}
