//! Open sessions, kept for the next message: a greeting, a handshake and a login cost more than a mail.
//!
//! A kept session is used at once, without asking first whether it is alive: asking costs a round trip each time, and the
//! answer is old when it comes. One that turns out dead is replaced, once, before anything of the message was said. What
//! failed, timed out or was cancelled never comes back here, since it could be out of step by a reply.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
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
use uuid::Uuid;

use crate::{metrics::Metrics, places::Places, session::Dialer};

mod breaker;
mod entrance;
mod health;
mod own;
mod pace;
mod server_pool;
mod share;
mod shelf;

pub(crate) use breaker::{Bearing, Pass, Resting};
pub use breaker::{Condition, Health};
pub(crate) use entrance::{Entry, Place};
pub(crate) use health::LOOK_AGAIN_SOON;
pub use health::{Blocked, Capacity, RouteHealth};
pub(crate) use own::{Fingerprint, Mailbox};
pub(crate) use server_pool::{Origin, ServerPool};

use breaker::Breaker;
use entrance::{Doors, Entrance};
use health::{ByRoute, Seen};
use own::Own;
use server_pool::{Means, Terms};
use share::Share;

/// Longest wait for sessions that take leave at the end; each QUIT has a time-out of its own.
const LEAVE_WITHIN: Duration = Duration::from_secs(10);
/// A server that no job has named for so long is forgotten, with what is known of its health.
const FORGET_AFTER: Duration = Duration::from_mins(10);
/// Connections to one tenant's own server: what small servers allow a client (Postfix: 50, Exchange: 20), and far less.
const OWN_CONNECTIONS: u32 = 5;
/// Requests at once that Graph takes from one application for one mailbox.
const GRAPH_REQUESTS: u32 = 4;

/// The pools of all routes, and of the tenants' own servers.
#[derive(Debug)]
pub(crate) struct Pools {
    means: Means,
    places: Places,
    by_route: ByRoute,
    by_tenant: Mutex<HashMap<TenantId, Own>>,
    /// The doors of each application at Graph, by its client id; two tenants may use the same one.
    doors: Mutex<HashMap<Uuid, Weak<Doors>>>,
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
            doors: Mutex::default(),
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
        let fits = |pool: &ServerPool| pool.version() >= route.version;
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
        let mut owned = lock(&self.by_tenant);
        if let Some(Own::Server(pool)) = owned.get(&tenant)
            && pool.server() == server
        {
            pool.entrance().ask_for();
            return Arc::clone(pool);
        }
        let terms = Terms {
            server: server.clone(),
            version: 0,
            connections: OWN_CONNECTIONS,
            rate: None,
            share: Some(self.places),
        };
        let pool = Arc::new(ServerPool::new(terms, self.breaker_of(tenant), self.means.clone()));
        replace(&mut owned, tenant, Own::Server(Arc::clone(&pool)));
        pool
    }

    /// The way in to a tenant's mailbox; any change of its settings makes a new one.
    pub(crate) fn of_mailbox(&self, tenant: TenantId, application: Uuid, settings: Fingerprint) -> Arc<Mailbox> {
        let mut owned = lock(&self.by_tenant);
        if let Some(Own::Mailbox(mailbox)) = owned.get(&tenant)
            && mailbox.settings == settings
        {
            mailbox.entrance.ask_for();
            return Arc::clone(mailbox);
        }
        let share = Some(Share::of(self.places));
        let mailbox = Arc::new(Mailbox {
            settings,
            entrance: Entrance::new(self.breaker_of(tenant), self.doors_of(application), None, share),
        });
        replace(&mut owned, tenant, Own::Mailbox(Arc::clone(&mailbox)));
        mailbox
    }

    fn breaker_of(&self, tenant: TenantId) -> Breaker {
        let rest = self.means.dialer.first_rest();
        Breaker::new(format!("tenant {tenant}"), rest, Arc::clone(&self.changed), None)
    }

    fn doors_of(&self, application: Uuid) -> Arc<Doors> {
        let mut known = lock(&self.doors);
        if let Some(doors) = known.get(&application).and_then(Weak::upgrade) {
            return doors;
        }
        known.retain(|_, doors| doors.strong_count() > 0);
        let doors = Arc::new(Doors::new(GRAPH_REQUESTS));
        known.insert(application, Arc::downgrade(&doors));
        doors
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
        let blocked = |(tenant, own): (&TenantId, &Own)| {
            let until = match own.entrance().breaker().resting() {
                Some(resting) => resting.until.unwrap_or(soon),
                None if own.entrance().is_full(lane) => soon,
                None => return None,
            };
            Some(Blocked { tenant: *tenant, until })
        };
        lock(&self.by_tenant).iter().filter_map(blocked).collect()
    }

    /// The tenants whose own servers failed and may be tried again.
    pub(crate) fn tried_again(&self) -> Vec<TenantId> {
        let may_be = |(tenant, own): (&TenantId, &Own)| {
            let breaker = own.entrance().breaker();
            let half_open = breaker.health().condition == Condition::HalfOpen;
            (half_open && breaker.resting().is_none()).then_some(*tenant)
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
        lock(&self.by_route).retain(|_, pool| {
            pool.prune();
            still_needed(pool.entrance()) || {
                pool.close();
                false
            }
        });
        lock(&self.by_tenant).retain(|_, own| {
            own.prune();
            still_needed(own.entrance()) || {
                own.close();
                false
            }
        });
    }

    /// Closes everything and waits, within bounds, until every server was told.
    pub(crate) async fn close(&self) {
        for (_, pool) in lock(&self.by_route).drain() {
            pool.close();
        }
        for (_, own) in lock(&self.by_tenant).drain() {
            own.close();
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
        pool.entrance().ask_for();
        return Arc::clone(pool);
    }
    let pool = Arc::new(make());
    if let Some(old) = pools.insert(key, Arc::clone(&pool)) {
        old.close();
    }
    pool
}

fn replace(owned: &mut HashMap<TenantId, Own>, tenant: TenantId, own: Own) {
    if let Some(old) = owned.insert(tenant, own) {
        old.close();
    }
}

fn still_needed(entrance: &Entrance) -> bool {
    // The gauge learns so that a rest is over.
    entrance.breaker().health();
    entrance.asked_for().elapsed() < FORGET_AFTER
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
