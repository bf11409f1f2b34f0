//! The way in to one server: how many may be there at once, at what pace, and whether it is to be left alone.
//!
//! Before a server is used there is a place to be had, then a token where it has a rate, then leave by the breaker. Some
//! places are kept for the urgent lane: whoever waits for a place waits in a queue, and a sign-in code must not wait behind
//! every notification that came before it.

use std::sync::{Arc, Mutex, PoisonError};

use domain::message::kind::Lane;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    breaker::{Breaker, Pass, Resting},
    pace::Pace,
    share::{Share, Underway},
};

/// Of so many places one is kept for the urgent lane, and one in any case where there are two.
const PLACES_TO_ONE_URGENT: usize = 8;

/// One server's way in.
#[derive(Debug)]
pub(crate) struct Entrance {
    breaker: Arc<Breaker>,
    pace: Option<Pace>,
    doors: Arc<Doors>,
    share: Option<Share>,
    asked_for: Mutex<Instant>,
}

/// How many may be there at once. Several ways in may have their doors in common.
#[derive(Debug)]
pub(super) struct Doors {
    all: Arc<Semaphore>,
    of_lower_lanes: Arc<Semaphore>,
}

/// Leave to use the server for one message.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The place.
    pub(crate) place: Place,
    /// The breaker's leave, to be given back with what the attempt says of the server.
    pub(crate) pass: Pass,
}

/// The right to have one connection open.
#[derive(Debug)]
pub(crate) struct Place {
    _one: Option<OwnedSemaphorePermit>,
    _of_lower_lanes: Option<OwnedSemaphorePermit>,
}

/// Room for one delivery in flight.
#[derive(Debug)]
pub(crate) enum Room {
    /// There is no bound.
    Boundless,
    /// One of a bounded number.
    Taken {
        /// Given back when dropped.
        _one: Underway,
    },
}

impl Doors {
    /// Doors for so many at once, one at least.
    pub(super) fn new(places: u32) -> Self {
        let places = usize::try_from(places).unwrap_or(1).max(1);
        let kept_for_urgent = (places / PLACES_TO_ONE_URGENT).max(1).min(places - 1);
        Self {
            all: Arc::new(Semaphore::new(places)),
            of_lower_lanes: Arc::new(Semaphore::new(places - kept_for_urgent)),
        }
    }

    async fn place(&self, lane: Lane) -> Place {
        // Neither semaphore is ever closed, so a permit always comes.
        let of_lower_lanes = match lane {
            Lane::Urgent => None,
            Lane::Interactive | Lane::Background => Arc::clone(&self.of_lower_lanes).acquire_owned().await.ok(),
        };
        Place {
            _one: Arc::clone(&self.all).acquire_owned().await.ok(),
            _of_lower_lanes: of_lower_lanes,
        }
    }

    fn free_place(&self) -> Option<Place> {
        Some(Place {
            _of_lower_lanes: Some(Arc::clone(&self.of_lower_lanes).try_acquire_owned().ok()?),
            _one: Some(Arc::clone(&self.all).try_acquire_owned().ok()?),
        })
    }
}

impl Entrance {
    /// A way in; `share` bounds the deliveries in flight.
    pub(super) fn new(breaker: Breaker, doors: Arc<Doors>, pace: Option<Pace>, share: Option<Share>) -> Self {
        Self {
            breaker: Arc::new(breaker),
            pace,
            doors,
            share,
            asked_for: Mutex::new(Instant::now()),
        }
    }

    /// Leave to send one message of this lane, as soon as there is a place and a token.
    ///
    /// # Errors
    /// [`Resting`] as soon as the breaker opens, also while waiting.
    pub(crate) async fn enter(&self, lane: Lane) -> Result<Entry, Resting> {
        if let Some(resting) = self.breaker.resting() {
            return Err(resting);
        }
        let place = tokio::select! {
            biased;
            place = self.turn(lane) => place,
            resting = self.breaker.rests() => return Err(resting),
        };
        let pass = self.breaker.admit()?;
        Ok(Entry { place, pass })
    }

    /// Leave to try the server without a message, if nobody needs to wait for that.
    pub(crate) fn enter_idly(&self) -> Option<Entry> {
        let place = self.doors.free_place()?;
        let pass = self.breaker.admit().ok()?;
        Some(Entry { place, pass })
    }

    /// Room among the deliveries that may be in flight to this server, if there is any.
    pub(crate) fn begin(&self, lane: Lane) -> Option<Room> {
        match &self.share {
            None => Some(Room::Boundless),
            Some(share) => share.begin(lane).map(|underway| Room::Taken { _one: underway }),
        }
    }

    pub(super) fn is_full(&self, lane: Lane) -> bool {
        self.share.as_ref().is_some_and(|share| share.is_full(lane))
    }

    pub(crate) const fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    /// Says that the server may still be needed.
    pub(super) fn ask_for(&self) {
        *self.asked_for.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn asked_for(&self) -> Instant {
        *self.asked_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self, lane: Lane) -> Place {
        let place = self.doors.place(lane).await;
        if let Some(pace) = &self.pace {
            pace.token(lane).await;
        }
        place
    }
}
