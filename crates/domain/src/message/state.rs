//! Where a delivery stands, and what may become of it.

use std::str::FromStr;

use crate::fault::Fault;

/// Where one recipient's copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeliveryStatus {
    /// Waits for its `send_at`.
    Scheduled,
    /// Waits for a worker.
    Queued,
    /// A relay process holds its lease.
    Sending,
    /// Waits for its next attempt.
    Deferred,
    /// The next server took it.
    Sent,
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
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 11] = [
        Self::Scheduled,
        Self::Queued,
        Self::Sending,
        Self::Deferred,
        Self::Sent,
        Self::Bounced,
        Self::Expired,
        Self::Cancelled,
        Self::Superseded,
        Self::Suppressed,
        Self::OutcomeUnknown,
    ];

    /// The value as clients and tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Deferred => "deferred",
            Self::Sent => "sent",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::Suppressed => "suppressed",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }

    /// Whether a worker may still pick it up without anybody's doing.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Scheduled | Self::Queued | Self::Deferred)
    }

    /// Whether nothing will happen to it any more by itself.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Scheduled | Self::Queued | Self::Sending | Self::Deferred | Self::OutcomeUnknown
        )
    }

    /// Whether it can be withdrawn: only what no worker holds and no server may have.
    #[must_use]
    pub const fn may_cancel(self) -> bool {
        self.is_waiting()
    }

    /// Whether somebody may put it back into the queue: it failed, or nobody knows.
    #[must_use]
    pub const fn may_retry(self) -> bool {
        matches!(
            self,
            Self::Deferred | Self::Bounced | Self::Expired | Self::Suppressed | Self::OutcomeUnknown
        )
    }
}

impl DeliveryStatus {
    /// What an operator may put back for many tenants at once: what failed, or may have, by the next server's doing.
    pub const REDRIVABLE: [Self; 3] = [Self::Bounced, Self::Deferred, Self::OutcomeUnknown];
}

impl FromStr for DeliveryStatus {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Fault::invalid("Not a delivery status."))
    }
}

/// What all deliveries of a message agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStatus {
    /// They all have this status.
    All(DeliveryStatus),
    /// They differ.
    Mixed,
}

impl MessageStatus {
    /// The status of a message with these deliveries; none at all is `queued`, which cannot be stored.
    pub fn of(mut deliveries: impl Iterator<Item = DeliveryStatus>) -> Self {
        let first = deliveries.next().unwrap_or(DeliveryStatus::Queued);
        if deliveries.all(|status| status == first) {
            Self::All(first)
        } else {
            Self::Mixed
        }
    }

    /// The value as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All(status) => status.as_str(),
            Self::Mixed => "mixed",
        }
    }
}

#[cfg(test)]
mod tests;
