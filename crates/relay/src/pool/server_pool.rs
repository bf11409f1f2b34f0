//! The sessions to one server, kept for the next message.
//!
//! The server is a route's or a tenant's own; how many may use it at once is its [`Entrance`]'s business.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::connection::SmtpServer;
use tokio_util::task::TaskTracker;

use super::{
    breaker::Breaker,
    entrance::{Doors, Entrance, Place},
    pace::Pace,
    share::Share,
    shelf::Shelf,
};
use crate::{
    metrics::Metrics,
    places::Places,
    session::{Dialer, Failed, Recovery, Session},
};

/// One server's sessions.
#[derive(Debug)]
pub(crate) struct ServerPool {
    server: SmtpServer,
    version: i64,
    dialer: Dialer,
    metrics: Metrics,
    entrance: Entrance,
    shelf: Arc<Mutex<Shelf>>,
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
    /// The places that a share of is what may be in flight, where that is bounded.
    pub(super) share: Option<Places>,
}

/// What all pools have in common.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) dialer: Dialer,
    pub(super) metrics: Metrics,
    pub(super) leaving: TaskTracker,
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

impl ServerPool {
    pub(super) fn new(terms: Terms, breaker: Breaker, means: Means) -> Self {
        let doors = Arc::new(Doors::new(terms.connections));
        let pace = terms.rate.map(Pace::new);
        Self {
            entrance: Entrance::new(breaker, doors, pace, terms.share.map(Share::of)),
            server: terms.server,
            version: terms.version,
            dialer: means.dialer,
            metrics: means.metrics,
            shelf: Arc::default(),
            leaving: means.leaving,
        }
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

    pub(crate) const fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    pub(super) const fn server(&self) -> &SmtpServer {
        &self.server
    }

    /// The version of the route's settings; of a tenant's own server 0.
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

    /// A fresh session.
    ///
    /// # Errors
    /// [`Failed`] where none could be opened.
    pub(crate) async fn open(&self, place: Place) -> Result<Taken, Failed> {
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
