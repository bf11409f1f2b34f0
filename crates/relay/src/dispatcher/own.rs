//! How much of each lane every tenant's own connection has in hand: a quarter at most, so that one that hangs leaves the rest
//! to others.
//!
//! It is counted from the claim on, not from the first word to the server: what is claimed beyond it would only be put back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{ids::TenantId, message::kind::Lane};
use tokio::sync::{Notify, futures::Notified};

use crate::places::Places;

/// The deliveries in hand, by lane and tenant.
#[derive(Debug)]
pub(super) struct InHand {
    places: Places,
    counts: Mutex<HashMap<(Lane, TenantId), usize>>,
    room_made: Notify,
}

/// One delivery in hand.
#[derive(Debug)]
pub(super) struct Handling {
    all: Arc<InHand>,
    lane: Lane,
    tenant: TenantId,
}

impl InHand {
    pub(super) fn of(places: Places) -> Self {
        Self {
            places,
            counts: Mutex::default(),
            room_made: Notify::new(),
        }
    }

    /// Counts a delivery until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, lane: Lane, tenant: TenantId) -> Handling {
        *self.counts().entry((lane, tenant)).or_default() += 1;
        Handling {
            all: Arc::clone(self),
            lane,
            tenant,
        }
    }

    /// How many of one tenant there may be.
    pub(super) fn most(&self, lane: Lane) -> usize {
        self.places.of_one_server(lane)
    }

    /// What is left for the tenants that have some in hand.
    pub(super) fn left(&self, lane: Lane) -> HashMap<TenantId, usize> {
        let most = self.most(lane);
        let of_lane = |((of, tenant), count): (&(Lane, TenantId), &usize)| {
            (*of == lane).then(|| (*tenant, most.saturating_sub(*count)))
        };
        self.counts().iter().filter_map(of_lane).collect()
    }

    /// Resolves when a tenant that had much in hand has little; it hears of it from the call on.
    pub(super) fn room_made(&self) -> Notified<'_> {
        self.room_made.notified()
    }

    /// Nothing under this lock panics or waits.
    fn counts(&self) -> MutexGuard<'_, HashMap<(Lane, TenantId), usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        let key = (self.lane, self.tenant);
        let left = counts.get(&key).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            counts.remove(&key);
        } else {
            counts.insert(key, left);
        }
        drop(counts);
        // At half and not at each: several are claimed at once then.
        if left == self.all.most(self.lane) / 2 {
            self.all.room_made.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{IdSource as _, TimeOrderedIds};

    use super::*;

    #[tokio::test]
    async fn what_is_in_hand_counts_by_lane_and_tenant_until_it_is_dropped() {
        let places = Places {
            background: 8,
            ..Places::default()
        };
        let in_hand = Arc::new(InHand::of(places));
        let tenant = TenantId::new(TimeOrderedIds.next());

        let first = in_hand.begin(Lane::Background, tenant);
        let second = in_hand.begin(Lane::Background, tenant);
        assert_eq!(in_hand.left(Lane::Background), [(tenant, 0)].into());
        assert_eq!(in_hand.left(Lane::Urgent), HashMap::new());

        let room_made = in_hand.room_made();
        drop(first);
        room_made.await;
        assert_eq!(in_hand.left(Lane::Background), [(tenant, 1)].into());
        drop(second);
        assert_eq!(in_hand.left(Lane::Background), HashMap::new());
    }
}
