//! The sessions to one server, and how many there may be at once.
//!
//! The server is a route's or a tenant's own. Before a session is used there is a place to be had, then a token where the
//! route has a rate, then leave by the breaker. Some places are kept for the urgent lane: whoever waits for a place waits in
//! a queue, and a sign-in code must not wait behind every notification that came before it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{connection::SmtpServer, message::kind::Lane};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use super::{
    breaker::{Breaker, Pass, Resting},
    pace::Pace,
    share::{Share, Underway},
    shelf::Shelf,
};
use crate::{
    metrics::Metrics,
    session::{Dialer, Failed, Recovery, Session},
};

/// Of so many places one is kept for the urgent lane, and one in any case where there are two.
const PLACES_TO_ONE_URGENT: usize = 8;

/// One server's sessions.
#[derive(Debug)]
pub(crate) struct ServerPool {
    terms: Terms,
    dialer: Dialer,
    metrics: Metrics,
    breaker: Arc<Breaker>,
    pace: Option<Pace>,
    places: Arc<Semaphore>,
    places_of_lower_lanes: Arc<Semaphore>,
    shelf: Arc<Mutex<Shelf>>,
    asked_for: Mutex<Instant>,
    leaving: TaskTracker,
}

/// What is agreed for one server.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) server: SmtpServer,
    /// Of a route's settings; the tenants' own have none.
    pub(super) version: i64,
    /// Connections at once.
    pub(super) connections: u32,
    /// Messages a second.
    pub(super) rate: Option<u32>,
    /// Deliveries in flight, where they are bounded.
    pub(super) share: Option<Share>,
}

/// What all pools have in common.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) dialer: Dialer,
    pub(super) metrics: Metrics,
    pub(super) leaving: TaskTracker,
}

/// Leave to use the server for one message.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The place.
    pub(crate) place: Place,
    /// The breaker's leave, to be given back with what the attempt says of the server.
    pub(crate) pass: Pass,
}

/// Where a session came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was opened for this message.
    Fresh,
    /// It was kept from another one, and may be dead.
    Kept,
}

/// A session and the place it takes up. Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The session.
    pub(crate) session: Session,
    /// Where it came from.
    pub(crate) origin: Origin,
    place: Place,
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

impl ServerPool {
    pub(super) fn new(terms: Terms, breaker: Breaker, means: Means) -> Self {
        let places = usize::try_from(terms.connections).unwrap_or(1).max(1);
        let kept_for_urgent = (places / PLACES_TO_ONE_URGENT).max(1).min(places - 1);
        Self {
            pace: terms.rate.map(Pace::new),
            terms,
            dialer: means.dialer,
            metrics: means.metrics,
            breaker: Arc::new(breaker),
            places: Arc::new(Semaphore::new(places)),
            places_of_lower_lanes: Arc::new(Semaphore::new(places - kept_for_urgent)),
            shelf: Arc::default(),
            asked_for: Mutex::new(Instant::now()),
            leaving: means.leaving,
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
        let place = Place {
            _of_lower_lanes: Some(Arc::clone(&self.places_of_lower_lanes).try_acquire_owned().ok()?),
            _one: Some(Arc::clone(&self.places).try_acquire_owned().ok()?),
        };
        let pass = self.breaker.admit().ok()?;
        Some(Entry { place, pass })
    }

    /// Room among the deliveries that may be in flight to this server, if there is any.
    pub(crate) fn begin(&self, lane: Lane) -> Option<Room> {
        match &self.terms.share {
            None => Some(Room::Boundless),
            Some(share) => share.begin(lane).map(|underway| Room::Taken { _one: underway }),
        }
    }

    pub(super) fn is_full(&self, lane: Lane) -> bool {
        self.terms.share.as_ref().is_some_and(|share| share.is_full(lane))
    }

    /// A session for one message: a kept one or a fresh one.
    ///
    /// # Errors
    /// [`Failed`] where none could be opened.
    pub(crate) async fn take(&self, place: Place) -> Result<Taken, Failed> {
        let kept = self.shelf().take();
        let Some(session) = kept else {
            self.prune();
            return self.open(place).await;
        };
        Ok(Taken {
            session,
            origin: Origin::Kept,
            place,
        })
    }

    /// A fresh session in the place of one that turned out dead.
    ///
    /// # Errors
    /// [`Failed`] where none could be opened.
    pub(crate) async fn replace(&self, dead: Taken) -> Result<Taken, Failed> {
        let Taken { place, session, .. } = dead;
        drop(session);
        self.open(place).await
    }

    /// Takes a session back. One whose transaction was refused is made ready first, behind the caller's back, and keeps its
    /// place until then.
    pub(crate) fn give_back(&self, taken: Taken) {
        let Taken { mut session, place, .. } = taken;
        if session.is_ready() {
            self.keep(session);
            return;
        }
        let (resting, leaving) = (Arc::clone(&self.shelf), self.leaving.clone());
        self.leaving.spawn(async move {
            match session.recover().await {
                Recovery::Ready => put(&resting, session, &leaving),
                Recovery::Broken => {}
            }
            drop(place);
        });
    }

    pub(crate) const fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    pub(super) const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Says that the server may still be needed.
    pub(super) fn ask_for(&self) {
        *self.asked_for.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn asked_for(&self) -> Instant {
        *self.asked_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn prune(&self) {
        let old = self.shelf().prune();
        self.take_leave(old);
    }

    pub(super) fn close(&self) {
        let all = self.shelf().close();
        self.take_leave(all);
    }

    async fn turn(&self, lane: Lane) -> Place {
        let place = self.place(lane).await;
        if let Some(pace) = &self.pace {
            pace.token(lane).await;
        }
        place
    }

    async fn place(&self, lane: Lane) -> Place {
        // Neither semaphore is ever closed, so a permit always comes.
        let of_lower_lanes = match lane {
            Lane::Urgent => None,
            Lane::Interactive | Lane::Background => Arc::clone(&self.places_of_lower_lanes).acquire_owned().await.ok(),
        };
        Place {
            _one: Arc::clone(&self.places).acquire_owned().await.ok(),
            _of_lower_lanes: of_lower_lanes,
        }
    }

    /// A fresh session.
    ///
    /// # Errors
    /// [`Failed`] where none could be opened.
    pub(crate) async fn open(&self, place: Place) -> Result<Taken, Failed> {
        let opened = self.dialer.open(&self.terms.server).await;
        self.metrics.connection_tried(match &opened {
            Ok(_) => "opened",
            Err(failed) => failed.failure.as_str(),
        });
        Ok(Taken {
            session: opened?,
            origin: Origin::Fresh,
            place,
        })
    }

    fn keep(&self, session: Session) {
        put(&self.shelf, session, &self.leaving);
    }

    fn take_leave(&self, sessions: Vec<Session>) {
        for session in sessions {
            self.leaving.spawn(session.quit());
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(shelf: &Mutex<Shelf>, session: Session, leaving: &TaskTracker) {
    let refused = shelf.lock().unwrap_or_else(PoisonError::into_inner).put(session);
    if let Some(session) = refused {
        leaving.spawn(session.quit());
    }
}
