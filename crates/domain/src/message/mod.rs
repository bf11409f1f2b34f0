//! Messages: what is submitted, what becomes of it, and what is told about it.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::{
    address::EmailAddress,
    clock::Timestamp,
    fault::Fault,
    ids::{DeliveryId, EventId, MessageId},
    message::{
        kind::{Content, Kind, Lane},
        state::{DeliveryStatus, MessageStatus},
    },
};

pub mod envelope;
pub mod kind;
pub mod state;

/// Recipients of one message at most.
pub const MAX_RECIPIENTS: usize = 50;
/// Messages of one batch at most.
pub const MAX_BATCH: usize = 500;
/// Octets of one message's content at most.
pub const MAX_MESSAGE: usize = 10 * 1024 * 1024;
/// Days a message may live at most.
pub const MAX_LIFE_DAYS: i64 = 30;
/// Characters of a supersede key at most.
pub const MAX_SUPERSEDE_KEY: usize = 255;
/// Entries of `metadata` at most.
pub const MAX_METADATA_ENTRIES: usize = 20;
/// Octets of a metadata key or value at most.
pub const MAX_METADATA_TEXT: usize = 500;

/// A recipient: an address and, where known, a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Where the copy goes.
    pub email: EmailAddress,
    /// How the To header names the person.
    pub name: Option<crate::address::DisplayName>,
}

/// A BCP 47 language tag, as far as templates care: a language and an optional region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    /// The tag as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tags to look for, most exact first: `de-AT`, `de`, `en`.
    #[must_use]
    pub fn fallbacks(&self) -> Vec<&str> {
        let language = self.0.split('-').next().unwrap_or(&self.0);
        let mut tags = vec![self.0.as_str()];
        for tag in [language, "en"] {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        tags
    }
}

impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl FromStr for Locale {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let parts: Vec<&str> = text.split('-').collect();
        let alphanumeric =
            |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let language = parts
            .first()
            .is_some_and(|p| (2..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
        if text.len() <= 35 && language && parts.iter().all(alphanumeric) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Fault::invalid("A language tag looks like en or de-AT (BCP 47)."))
        }
    }
}

/// A message as a producer submits it, checked.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its id.
    pub id: MessageId,
    /// What it says.
    pub content: Content,
    /// Each gets a copy of their own.
    pub recipients: Vec<(DeliveryId, Recipient)>,
    /// The language it is rendered in.
    pub locale: Locale,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it is too late to send.
    pub expires_at: Timestamp,
    /// Not before then.
    pub send_at: Option<Timestamp>,
    /// A newer message of the same tenant, kind and key replaces what still waits of this one.
    pub supersede_key: Option<String>,
    /// The producer's own marks; returned, never sent.
    pub metadata: Map<String, Value>,
}

impl NewMessage {
    /// How its deliveries begin.
    #[must_use]
    pub fn initial_status(&self) -> DeliveryStatus {
        match self.send_at {
            Some(at) if at > self.created_at => DeliveryStatus::Scheduled,
            _ => DeliveryStatus::Queued,
        }
    }
}

/// A stored message, without its content.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// What it is.
    pub kind: Kind,
    /// How urgent.
    pub lane: Lane,
    /// The language it is rendered in.
    pub locale: Locale,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it is too late to send.
    pub expires_at: Timestamp,
    /// Not before then.
    pub send_at: Option<Timestamp>,
    /// The key it can be replaced by.
    pub supersede_key: Option<String>,
    /// The producer's own marks.
    pub metadata: Map<String, Value>,
    /// Its recipients' copies.
    pub deliveries: Vec<Delivery>,
}

impl Message {
    /// What all deliveries agree on, else mixed.
    #[must_use]
    pub fn status(&self) -> MessageStatus {
        MessageStatus::of(self.deliveries.iter().map(|delivery| delivery.status))
    }
}

/// One recipient's copy of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose copy.
    pub to: EmailAddress,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next attempt is due, while it waits.
    pub due_at: Option<Timestamp>,
    /// What keeps it waiting though it is due.
    pub held_by: Option<HeldBy>,
    /// The last reply or failure, in one line.
    pub last_error: Option<String>,
    /// When its status last changed.
    pub updated_at: Timestamp,
}

/// What keeps due mail in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldBy {
    /// An operator stopped the relay.
    RelayPaused,
    /// Every route is stopped, or there is none.
    NoRoute,
    /// The provider suspended the tenant.
    TenantSuspended,
    /// The settings or the route were refused by the next server, and wait to be mended.
    Configuration,
}

impl HeldBy {
    /// Every value.
    pub const ALL: [Self; 4] = [
        Self::RelayPaused,
        Self::NoRoute,
        Self::TenantSuspended,
        Self::Configuration,
    ];

    /// The value as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RelayPaused => "relay_paused",
            Self::NoRoute => "no_route",
            Self::TenantSuspended => "tenant_suspended",
            Self::Configuration => "configuration",
        }
    }
}

/// What an entry of a timeline says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// The message was stored and answered 202.
    Accepted,
    /// A relay process began an attempt.
    AttemptStarted,
    /// The next server took it.
    Sent,
    /// To be tried again.
    Deferred,
    /// Refused for good.
    Bounced,
    /// Its time ran out first.
    Expired,
    /// Somebody withdrew it.
    Cancelled,
    /// A newer message took its place.
    Superseded,
    /// The address is on the tenant's suppression list.
    Suppressed,
    /// The connection was lost between the dot and its reply.
    OutcomeUnknown,
    /// Somebody put it back into the queue.
    Retried,
}

impl EventType {
    /// Every value.
    pub const ALL: [Self; 11] = [
        Self::Accepted,
        Self::AttemptStarted,
        Self::Sent,
        Self::Deferred,
        Self::Bounced,
        Self::Expired,
        Self::Cancelled,
        Self::Superseded,
        Self::Suppressed,
        Self::OutcomeUnknown,
        Self::Retried,
    ];

    /// The value as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AttemptStarted => "attempt_started",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::Suppressed => "suppressed",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Retried => "retried",
        }
    }
}

/// An entry of a message's timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub event_type: EventType,
    /// When.
    pub at: Timestamp,
    /// The message.
    pub message_id: MessageId,
    /// The copy it is about; none for the message as a whole.
    pub delivery_id: Option<DeliveryId>,
    /// Route, reply, TLS version, duration: whatever is known of it.
    pub detail: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_falls_back_to_its_language_and_to_english() {
        let tags = |text: &str| {
            text.parse::<Locale>()
                .map(|l| l.fallbacks().into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(tags("de-AT"), Ok(vec!["de-AT".into(), "de".into(), "en".into()]));
        assert_eq!(tags("en"), Ok(vec!["en".into()]));
        assert!(tags("english!").is_err());
        assert!(tags("").is_err());
    }
}
