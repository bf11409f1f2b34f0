//! Open sessions, kept for the next message: a greeting, a handshake and a login cost more than a mail.
//!
//! A kept session is used at once, without asking first whether it is alive: asking costs a round trip each time, and the
//! answer is old when it comes. One that turns out dead is replaced, once, before anything of the message was said. What
//! failed, timed out or was cancelled never comes back here, since it could be out of step by a reply.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{
    connection::{Route, SmtpServer},
    ids::TenantId,
    message::kind::Lane,
};
use tokio::{
    sync::{Notify, futures::Notified},
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{metrics::Metrics, places::Places, session::Dialer};

mod breaker;
mod health;
mod pace;
mod server_pool;
mod share;
mod shelf;

pub(crate) use breaker::{Bearing, Pass, Resting};
pub use breaker::{Condition, Health};
pub(crate) use health::LOOK_AGAIN_SOON;
pub use health::{Blocked, Capacity, RouteHealth};
pub(crate) use server_pool::{Entry, Origin, Place, ServerPool};

use breaker::Breaker;
use health::{ByRoute, Seen};
use server_pool::{Means, Terms};
use share::Share;

/// Longest wait for sessions that take leave at the end; each QUIT has a time-out of its own.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);
/// A server that no job has named for so long is forgotten, with what is known of its health.
const FORGET_AFTER: Duration = Duration::from_mins(10);
/// Connections to one tenant's own server: what small servers allow a client (Postfix: 50, Exchange: 20), and far less.
const OWN_CONNECTIONS: u32 = 5;

/// The pools of all routes, and of the tenants' own servers.
#[derive(Debug)]
pub(crate) struct Pools {
    means: Means,
    places: Places,
    by_route: ByRoute,
    by_tenant: Mutex<HashMap<TenantId, Arc<ServerPool>>>,
    seen: Mutex<Seen>,
    changed: Arc<Notify>,
}

impl Pools {
    /// No pool yet; each comes with its server's first job.
    pub(crate) fn new(dialer: Dialer, metrics: Metrics, places: Places) -> Self {
        Self {
            means: Means {
                dialer,
                metrics,
                leaving: TaskTracker::new(),
            },
            places,
            by_route: ByRoute::default(),
            by_tenant: Mutex::default(),
            seen: Mutex::default(),
            changed: Arc::default(),
        }
    }

    pub(crate) fn within(self, places: Places) -> Self {
        Self { places, ..self }
    }

    /// The route's pool. A changed route gets a new one and the old one's sessions are closed; a job that was claimed
    /// before the change uses the new one too.
    pub(crate) fn of(&self, route: &Route) -> Arc<ServerPool> {
        let fits = |pool: &ServerPool| pool.terms().version >= route.version;
        kept_or_new(&mut lock(&self.by_route), route.id, fits, || {
            let terms = Terms {
                server: route.server.clone(),
                version: route.version,
                connections: route.max_connections,
                rate: route.messages_per_second,
                share: None,
            };
            let rest = self.means.dialer.first_rest();
            let metrics = Some(self.means.metrics.clone());
            let breaker = Breaker::new(route.name.clone(), rest, Arc::clone(&self.changed), metrics);
            ServerPool::new(terms, breaker, self.means.clone())
        })
    }

    /// The pool of a tenant's own server. Any change of its settings makes a new one, which starts with a clean record.
    pub(crate) fn of_tenant(&self, tenant: TenantId, server: &SmtpServer) -> Arc<ServerPool> {
        let fits = |pool: &ServerPool| pool.terms().server == *server;
        kept_or_new(&mut lock(&self.by_tenant), tenant, fits, || {
            let terms = Terms {
                server: server.clone(),
                version: 0,
                connections: OWN_CONNECTIONS,
                rate: None,
                share: Some(Share::of(self.places)),
            };
            let rest = self.means.dialer.first_rest();
            let breaker = Breaker::new(format!("tenant {tenant}"), rest, Arc::clone(&self.changed), None);
            ServerPool::new(terms, breaker, self.means.clone())
        })
    }

    /// Takes note of the shared relay's routes.
    pub(crate) fn saw(&self, routes: &[Route]) {
        lock(&self.seen).now(routes.iter().map(|route| route.id));
    }

    /// The health of the routes.
    pub(crate) fn health(&self) -> RouteHealth {
        RouteHealth(Arc::clone(&self.by_route))
    }

    /// What is worth claiming for the shared relay.
    pub(crate) fn capacity(&self) -> Capacity {
        lock(&self.seen).capacity(&self.health())
    }

    /// The tenants whose own servers can take nothing of this lane now.
    pub(crate) fn blocked(&self, lane: Lane) -> Vec<Blocked> {
        let soon = Instant::now() + LOOK_AGAIN_SOON;
        let blocked = |(tenant, pool): (&TenantId, &Arc<ServerPool>)| {
            let until = match pool.breaker().resting() {
                Some(resting) => resting.until.unwrap_or(soon),
                None if pool.is_full(lane) => soon,
                None => return None,
            };
            Some(Blocked { tenant: *tenant, until })
        };
        lock(&self.by_tenant).iter().filter_map(blocked).collect()
    }

    /// The tenants whose own servers failed and may be tried again.
    pub(crate) fn tried_again(&self) -> Vec<TenantId> {
        let may_be = |(tenant, pool): (&TenantId, &Arc<ServerPool>)| {
            let half_open = pool.breaker().health().condition == Condition::HalfOpen;
            (half_open && pool.breaker().resting().is_none()).then_some(*tenant)
        };
        lock(&self.by_tenant).iter().filter_map(may_be).collect()
    }

    /// Resolves when a server's breaker changes its condition.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Does something beside the messages; the end waits for it as for those who take leave.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.means.leaving.spawn(work);
    }

    /// Closes the sessions that nobody has used for a while, and forgets the servers that nobody needs.
    pub(crate) fn prune(&self) {
        prune(&mut lock(&self.by_route));
        prune(&mut lock(&self.by_tenant));
    }

    /// Closes everything and waits, within bounds, until every server was told.
    pub(crate) async fn close(&self) {
        for (_, pool) in lock(&self.by_route).drain() {
            pool.close();
        }
        for (_, pool) in lock(&self.by_tenant).drain() {
            pool.close();
        }
        self.means.leaving.close();
        // What is not through by then goes with the process.
        drop(timeout(LEAVE_WITHIN, self.means.leaving.wait()).await);
    }
}

fn kept_or_new<K: Hash + Eq>(
    pools: &mut HashMap<K, Arc<ServerPool>>,
    key: K,
    fits: impl FnOnce(&ServerPool) -> bool,
    make: impl FnOnce() -> ServerPool,
) -> Arc<ServerPool> {
    if let Some(pool) = pools.get(&key).filter(|pool| fits(pool)) {
        pool.ask_for();
        return Arc::clone(pool);
    }
    let pool = Arc::new(make());
    if let Some(old) = pools.insert(key, Arc::clone(&pool)) {
        old.close();
    }
    pool
}

fn prune<K: Hash + Eq>(pools: &mut HashMap<K, Arc<ServerPool>>) {
    pools.retain(|_, pool| {
        pool.prune();
        // The gauge learns so that a rest is over.
        pool.breaker().health();
        let needed = pool.asked_for().elapsed() < FORGET_AFTER;
        if !needed {
            pool.close();
        }
        needed
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
