//! How much of each lane one tenant's own server may take up.

use std::sync::Arc;

use domain::message::kind::Lane;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::places::Places;

/// The deliveries in flight to one server, counted by lane.
#[derive(Debug)]
pub(super) struct Share([(Lane, Arc<Semaphore>); Lane::ALL.len()]);

/// One delivery in flight; dropped, it leaves room for another.
#[derive(Debug)]
pub(crate) struct Underway {
    _one: OwnedSemaphorePermit,
}

impl Share {
    pub(super) fn of(places: Places) -> Self {
        Self(Lane::ALL.map(|lane| (lane, Arc::new(Semaphore::new(places.of_one_server(lane))))))
    }

    /// Room for one more, if there is any.
    pub(super) fn begin(&self, lane: Lane) -> Option<Underway> {
        let room = Arc::clone(self.room(lane)?);
        room.try_acquire_owned().ok().map(|one| Underway { _one: one })
    }

    pub(super) fn is_full(&self, lane: Lane) -> bool {
        self.room(lane).is_none_or(|room| room.available_permits() == 0)
    }

    fn room(&self, lane: Lane) -> Option<&Arc<Semaphore>> {
        self.0.iter().find(|(of, _)| *of == lane).map(|(_, room)| room)
    }
}
