//! Messages: what is submitted, what becomes of it, and what is told about it.

use serde_json::{Map, Value};

use crate::{
    address::EmailAddress,
    clock::Timestamp,
    ids::{DeliveryId, MessageId},
    message::{
        kind::{Content, Kind, Lane},
        state::{DeliveryStatus, MessageStatus},
    },
};

pub mod envelope;
mod event;
pub mod kind;
mod locale;
mod size;
pub mod state;

pub use event::{Event, EventType};
pub use locale::Locale;

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
    /// The next server fails or is busy, and was not asked: no attempt is counted.
    ServerUnavailable,
}

impl HeldBy {
    /// Every value.
    pub const ALL: [Self; 5] = [
        Self::RelayPaused,
        Self::NoRoute,
        Self::TenantSuspended,
        Self::Configuration,
        Self::ServerUnavailable,
    ];

    /// The value as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RelayPaused => "relay_paused",
            Self::NoRoute => "no_route",
            Self::TenantSuspended => "tenant_suspended",
            Self::Configuration => "configuration",
            Self::ServerUnavailable => "server_unavailable",
        }
    }
}
