//! Open sessions, kept for the next message: a greeting, a handshake and a login cost more than a mail.
//!
//! A kept session is used at once, without asking first whether it is alive: asking costs a round trip each time, and the
//! answer is old when it comes. One that turns out dead is replaced, once, before anything of the message was said. What
//! failed, timed out or was cancelled never comes back here, since it could be out of step by a reply.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{connection::Route, ids::RouteId};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::{
    metrics::Metrics,
    session::{Dialer, Session},
};

mod route_pool;
mod shelf;

pub use route_pool::{Origin, RoutePool, Taken};

/// Longest wait for sessions that take leave at the end; each QUIT has a time-out of its own.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);

/// The pools of all routes.
#[derive(Debug)]
pub struct Pools {
    dialer: Dialer,
    metrics: Metrics,
    by_route: Mutex<HashMap<RouteId, Arc<RoutePool>>>,
    leaving: TaskTracker,
}

impl Pools {
    /// No pool yet; each comes with its route's first job.
    #[must_use]
    pub fn new(dialer: Dialer, metrics: Metrics) -> Self {
        Self {
            dialer,
            metrics,
            by_route: Mutex::default(),
            leaving: TaskTracker::new(),
        }
    }

    /// The route's pool. A changed route gets a new one and the old one's sessions are closed; a job that was claimed
    /// before the change uses the new one too.
    pub fn of(&self, route: &Route) -> Arc<RoutePool> {
        let mut pools = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&route.id)
            && pool.version() >= route.version
        {
            return Arc::clone(pool);
        }
        let pool = Arc::new(RoutePool::new(
            route,
            self.dialer.clone(),
            self.metrics.clone(),
            self.leaving.clone(),
        ));
        if let Some(old) = pools.insert(route.id, Arc::clone(&pool)) {
            old.close();
        }
        pool
    }

    /// Closes the sessions that nobody has used for a while.
    pub fn prune(&self) {
        for pool in self.by_route.lock().unwrap_or_else(PoisonError::into_inner).values() {
            pool.prune();
        }
    }

    /// Takes leave of a session that belongs to no pool.
    pub fn dismiss(&self, session: Session) {
        self.leaving.spawn(session.quit());
    }

    /// Closes everything and waits, within bounds, until every server was told.
    pub async fn close(&self) {
        for (_, pool) in self.by_route.lock().unwrap_or_else(PoisonError::into_inner).drain() {
            pool.close();
        }
        self.leaving.close();
        // What is not through by then goes with the process.
        drop(timeout(LEAVE_WITHIN, self.leaving.wait()).await);
    }
}
