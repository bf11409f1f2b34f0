//! The dot mark of one lease, as the session sees it.
//!
//! It remembers whether the dot was allowed: if the attempt is cut off then, nobody can say whether the dot went out.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::outbox::{Fence, Lease, Outbox, OutboxError};

use super::desk::Desk;
use crate::session::DotMark;

/// One lease's mark in the outbox.
#[derive(Debug)]
pub(super) struct OutboxMark<'a, O> {
    desk: &'a Desk<O>,
    lease: Lease,
    open: AtomicBool,
}

impl<'a, O> OutboxMark<'a, O> {
    pub(super) const fn new(desk: &'a Desk<O>, lease: Lease) -> Self {
        Self {
            desk,
            lease,
            open: AtomicBool::new(false),
        }
    }

    /// Whether the dot may be out.
    pub(super) fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}

impl<O: Outbox> DotMark for OutboxMark<'_, O> {
    async fn commit(&self) -> Result<Fence, OutboxError> {
        let answer = self.desk.outbox.mark(self.lease).await;
        match &answer {
            Ok(Fence::Open) => self.open.store(true, Ordering::Release),
            Ok(Fence::Lost | Fence::Withdrawn) => {}
            Err(error) => {
                self.desk.calls.mark.failed(error);
                return answer;
            }
        }
        self.desk.calls.mark.succeeded();
        answer
    }

    async fn clear(&self) {
        self.open.store(false, Ordering::Release);
        // Not tried again: the outcome that is settled next says the same.
        if let Err(error) = self.desk.outbox.unmark(self.lease).await {
            self.desk.calls.mark.failed(&error);
        }
    }
}
