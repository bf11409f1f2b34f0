//! The hand-off: what this process accepts while a worker of its own waits is stored already leased to it, and goes to the
//! worker in memory. That saves a commit and the way to the database and back. What comes while no worker waits is claimed
//! as usual, but what it says is remembered for a while, so that it need not be read back. Codes are not: they go first
//! anyway, and should be in memory no longer than they must.

use std::sync::Arc;

use domain::{
    clock::Timestamp,
    message::{
        Locale,
        kind::{Content, Kind},
    },
};
use quick_cache::{Weighter, sync::Cache};
use uuid::Uuid;

/// Content up to this size is handed over in memory; what is larger is claimed from the store.
pub(super) const HAND_OFF_BYTES: usize = 256 * 1024;

/// Octets of content that are remembered.
const REMEMBERED_BYTES: u64 = 16 * 1024 * 1024;
/// Messages that these are thought to be.
const REMEMBERED: usize = 4096;

/// What a handed-over delivery's message says.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    pub(super) content: Arc<Content>,
    /// Its size in octets.
    pub(super) size: usize,
    pub(super) locale: Locale,
    pub(super) created_at: Timestamp,
}

#[derive(Clone)]
struct BySize;

impl Weighter<(Uuid, Uuid), Carried> for BySize {
    fn weight(&self, _: &(Uuid, Uuid), carried: &Carried) -> u64 {
        u64::try_from(carried.size).unwrap_or(u64::MAX).max(1)
    }
}

/// What this process accepted a moment ago, by tenant and message.
pub(crate) struct Remembered(Cache<(Uuid, Uuid), Carried, BySize>);

impl Default for Remembered {
    fn default() -> Self {
        Self(Cache::with_weighter(REMEMBERED, REMEMBERED_BYTES, BySize))
    }
}

impl Remembered {
    /// Keeps what a message says until it is claimed, or others need the room.
    pub(super) fn keep(&self, message: (Uuid, Uuid), carried: &Carried) {
        match carried.content.kind() {
            Kind::TwoFactorCode => {}
            Kind::AccessRequest | Kind::Notification | Kind::System => self.0.insert(message, carried.clone()),
        }
    }

    /// Takes it out again.
    pub(super) fn take(&self, message: (Uuid, Uuid)) -> Option<Carried> {
        self.0.remove(&message).map(|(_, carried)| carried)
    }
}
