//! The sessions of one route, and how many there may be at once.
//!
//! Some places are kept for the urgent lane: whoever waits for a place waits in a queue, and a sign-in code must not wait
//! behind every notification that came before it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{
    connection::{Route, SmtpServer},
    message::kind::Lane,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use super::shelf::Shelf;
use crate::{
    metrics::Metrics,
    session::{Dialer, Failed, Recovery, Session},
};

/// Of so many places one is kept for the urgent lane, and one in any case where there are two.
const PLACES_TO_ONE_URGENT: usize = 8;

/// One route's sessions.
#[derive(Debug)]
pub struct RoutePool {
    server: SmtpServer,
    version: i64,
    dialer: Dialer,
    metrics: Metrics,
    places: Arc<Semaphore>,
    places_of_lower_lanes: Arc<Semaphore>,
    shelf: Arc<Mutex<Shelf>>,
    failing_until: Mutex<Option<Instant>>,
    leaving: TaskTracker,
}

/// Where a session came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was opened for this message.
    Fresh,
    /// It was kept from another one, and may be dead.
    Kept,
}

/// A session and the place it takes up. Dropping it closes the connection.
#[derive(Debug)]
pub struct Taken {
    /// The session.
    pub session: Session,
    /// Where it came from.
    pub origin: Origin,
    place: Place,
}

/// The right to have one connection open.
#[derive(Debug)]
struct Place {
    _one: Option<OwnedSemaphorePermit>,
    _of_lower_lanes: Option<OwnedSemaphorePermit>,
}

impl RoutePool {
    pub(super) fn new(route: &Route, dialer: Dialer, metrics: Metrics, leaving: TaskTracker) -> Self {
        let places = usize::try_from(route.max_connections).unwrap_or(1).max(1);
        let kept_for_urgent = (places / PLACES_TO_ONE_URGENT).max(1).min(places - 1);
        Self {
            server: route.server.clone(),
            version: route.version,
            dialer,
            metrics,
            places: Arc::new(Semaphore::new(places)),
            places_of_lower_lanes: Arc::new(Semaphore::new(places - kept_for_urgent)),
            shelf: Arc::default(),
            failing_until: Mutex::default(),
            leaving,
        }
    }

    /// A session for one message of this lane: a kept one or a fresh one, as soon as there is a place.
    ///
    /// # Errors
    /// [`Failed`] where none could be opened.
    pub async fn take(&self, lane: Lane) -> Result<Taken, Failed> {
        let place = self.place(lane).await;
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
    pub async fn replace(&self, dead: Taken) -> Result<Taken, Failed> {
        let Taken { place, session, .. } = dead;
        drop(session);
        self.open(place).await
    }

    /// Takes a session back. One whose transaction was refused is made ready first, behind the caller's back, and keeps its
    /// place until then.
    pub fn give_back(&self, taken: Taken) {
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

    /// Remembers a failure of the route itself, so that other routes are tried first until then.
    pub fn mark_failing(&self, until: Instant) {
        *self.failing_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Whether the route failed a short while ago.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        let until = *self.failing_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) const fn version(&self) -> i64 {
        self.version
    }

    pub(super) fn prune(&self) {
        let old = self.shelf().prune();
        self.take_leave(old);
    }

    pub(super) fn close(&self) {
        let all = self.shelf().close();
        self.take_leave(all);
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

    async fn open(&self, place: Place) -> Result<Taken, Failed> {
        let opened = self.dialer.open(&self.server).await;
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
