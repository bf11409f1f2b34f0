//! The leases that are being worked on: those, and no others, are renewed.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::outbox::Lease;

/// The leases of a process.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashSet<Lease>>);

impl Held {
    /// Holds a lease until the guard is dropped.
    pub(super) fn hold(&self, lease: Lease) -> Holding<'_> {
        self.set().insert(lease);
        Holding { held: self, lease }
    }

    /// All of them, in an order in which any two processes would lock their rows.
    pub(super) fn leases(&self) -> Vec<Lease> {
        let mut leases: Vec<Lease> = self.set().iter().copied().collect();
        leases.sort_unstable_by_key(|lease| (lease.tenant.uuid(), lease.delivery.uuid()));
        leases
    }

    /// Nothing under this lock panics or waits.
    fn set(&self) -> MutexGuard<'_, HashSet<Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One lease, held.
#[derive(Debug)]
pub(super) struct Holding<'a> {
    held: &'a Held,
    lease: Lease,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.held.set().remove(&self.lease);
    }
}
