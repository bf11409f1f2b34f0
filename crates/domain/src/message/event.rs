//! Timelines: what happened to a message, entry by entry, only ever added to.

use serde_json::{Map, Value};

use crate::{
    clock::Timestamp,
    ids::{DeliveryId, EventId, MessageId},
};

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
