//! What others may know of the pools: how each route is, and what is worth claiming now.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::ids::{RouteId, TenantId};
use tokio::time::Instant;

use super::{
    breaker::{Condition, Health},
    server_pool::ServerPool,
};

/// Routes are known from claims only; so long after the last one another claim is worth what it may bring.
const LOOK_FOR_CHANGES: Duration = Duration::from_secs(10);
/// How soon to ask again where nobody knows when it will be worth it: a probe is under way, or a server is busy.
pub(crate) const LOOK_AGAIN_SOON: Duration = Duration::from_secs(1);

pub(super) type ByRoute = Arc<Mutex<HashMap<RouteId, Arc<ServerPool>>>>;

/// The health of this process's routes, for the overview; clones are cheap and show the same.
#[derive(Debug, Clone)]
pub struct RouteHealth(pub(super) ByRoute);

impl RouteHealth {
    /// Every route that mail was offered to in the last minutes, by id.
    #[must_use]
    pub fn all(&self) -> Vec<(RouteId, Health)> {
        let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = pools
            .iter()
            .map(|(id, pool)| (*id, pool.entrance().breaker().health()))
            .collect();
        drop(pools);
        all.sort_by_key(|(id, _)| *id);
        all
    }

    /// One route; none where no mail was offered to it lately.
    #[must_use]
    pub fn of(&self, route: RouteId) -> Option<Health> {
        let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pools.get(&route).map(|pool| pool.entrance().breaker().health())
    }
}

/// How much mail for the shared relay is worth claiming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// As much as there are places.
    Free,
    /// One delivery: every route has failed, and it is time to ask one again, or to hear of a change of the routes.
    One,
    /// Nothing before this instant, or before [`crate::transport::Transports::health_changed`]: it would only be put back.
    None {
        /// When to ask again.
        until: Instant,
    },
}

/// A tenant whose mail would only be put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Whose own server rests or is busy.
    pub tenant: TenantId,
    /// When to look again.
    pub until: Instant,
}

/// The shared relay's routes as the last claim saw them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    routes: Vec<RouteId>,
    at: Option<Instant>,
}

impl Seen {
    pub(super) fn now(&mut self, routes: impl Iterator<Item = RouteId>) {
        self.routes.clear();
        self.routes.extend(routes);
        self.at = Some(Instant::now());
    }

    /// What is worth claiming, by the health of these routes.
    pub(super) fn capacity(&self, health: &RouteHealth) -> Capacity {
        let now = Instant::now();
        let Some(look_again) = self.at.map(|at| at + LOOK_FOR_CHANGES) else {
            return Capacity::Free;
        };
        let mut until = look_again;
        for route in &self.routes {
            let Some(health) = health.of(*route) else {
                return Capacity::Free;
            };
            match (health.condition, health.open_until) {
                (Condition::Closed, _) => return Capacity::Free,
                (Condition::HalfOpen, Some(_)) => until = now,
                (Condition::HalfOpen, None) => until = until.min(now + LOOK_AGAIN_SOON),
                (Condition::Open, open_until) => until = until.min(open_until.unwrap_or(now)),
            }
        }
        if self.routes.is_empty() {
            Capacity::Free
        } else if until <= now {
            Capacity::One
        } else {
            Capacity::None { until }
        }
    }
}
