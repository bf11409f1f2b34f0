//! Identifiers: one type for each thing that has one, so that a message's id cannot be passed where a tenant's is meant.
//!
//! All are UUIDv7 (RFC 9562 §5.7): they sort by creation, which keeps index pages hot and listings in order.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use uuid::Uuid;

/// An identifier of a `K`; the parameter exists only for the compiler.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// What an [`Id`] can identify.
pub mod kind {
    /// A tenant of the product.
    pub enum Tenant {}
    /// A submitted message.
    pub enum Message {}
    /// One recipient's copy of a message.
    pub enum Delivery {}
    /// An entry of a message's timeline.
    pub enum Event {}
    /// A smarthost of the shared relay.
    pub enum Route {}
    /// An OAuth 2.0 client.
    pub enum ApiClient {}
    /// A relay process.
    pub enum Node {}
    /// An entry of the audit log.
    pub enum AuditEntry {}
    /// An entry of an on-premises tenant's vault.
    pub enum VaultSecret {}
}

/// Identifies a tenant.
pub type TenantId = Id<kind::Tenant>;
/// Identifies a message.
pub type MessageId = Id<kind::Message>;
/// Identifies a delivery.
pub type DeliveryId = Id<kind::Delivery>;
/// Identifies an event.
pub type EventId = Id<kind::Event>;
/// Identifies a route.
pub type RouteId = Id<kind::Route>;
/// Identifies an API client.
pub type ApiClientId = Id<kind::ApiClient>;
/// Identifies a relay process.
pub type NodeId = Id<kind::Node>;
/// Identifies an audit entry.
pub type AuditEntryId = Id<kind::AuditEntry>;
/// Identifies a secret of a tenant's vault.
pub type VaultSecretId = Id<kind::VaultSecret>;

impl<K> Id<K> {
    /// Wraps a UUID that is known to identify a `K`.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    /// A fresh identifier.
    #[must_use]
    pub fn generate(source: &dyn IdSource) -> Self {
        Self::new(source.next())
    }

    /// The bare UUID, for storage.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

/// Where fresh identifiers come from.
pub trait IdSource: Send + Sync {
    /// The next identifier; never the same twice.
    fn next(&self) -> Uuid;
}

/// The production source: UUIDv7, ascending within the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeOrderedIds;

impl IdSource for TimeOrderedIds {
    #[expect(clippy::disallowed_methods, reason = "the one place where identifiers are made")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.uuid, f)
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.uuid, f)
    }
}

impl<K> FromStr for Id<K> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::new)
    }
}
