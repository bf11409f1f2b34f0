//! The hand-off: what this process accepts while a worker of its own waits is stored already leased to it, and goes to the
//! worker in memory. That saves a commit and the way to the database and back.

use std::sync::Arc;

use domain::{
    clock::Timestamp,
    message::{Locale, kind::Content},
};

/// Content up to this size is handed over in memory; what is larger is claimed from the store.
pub(super) const HAND_OFF_BYTES: usize = 256 * 1024;

/// What a handed-over delivery's message says.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    pub(super) content: Arc<Content>,
    pub(super) locale: Locale,
    pub(super) created_at: Timestamp,
}
