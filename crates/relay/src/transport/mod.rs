//! The ways out: which one a delivery takes, and what its end means.
//!
//! A job says which way is its own; there is one module for each send method. Whatever happens on the way is an outcome
//! here, never an error: the dispatcher has only to write it down.

use std::time::Duration;

use domain::{
    connection::{Cloud, Connection, Route},
    ids::TenantId,
    message::{HeldBy, kind::Lane},
    outbox::{AttemptReport, Job, Outcome, Path},
    reply::Stage,
};
use tokio::{sync::futures::Notified, time::Instant};

use crate::{
    compose::WireMessage,
    metrics::Metrics,
    places::Places,
    pool::Pools,
    session::{Dialer, DotMark},
};

use o365::{Endpoints, Mailer};

pub use crate::pool::{Blocked, Capacity, Condition, Health, RouteHealth};

pub mod o365;
mod order;
mod rest;
mod smtp;
mod verdict;

pub(crate) use order::{Fitness, order};
pub(crate) use verdict::is_for_another_route;

/// How long held mail rests before it is looked at again: a wrong setting is mended by people.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

/// Every way out of this process.
#[derive(Debug)]
pub struct Transports {
    pools: Pools,
    mailer: Mailer,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Attempted {
    /// With an outcome to be settled, and a report where something was tried.
    Ended(Outcome, Option<AttemptReport>),
    /// Nothing is to be written: another process has the delivery, or the store has settled it already.
    Fenced,
}

impl Transports {
    /// Transports over this dialer; sessions are kept between messages.
    #[must_use]
    pub fn new(dialer: Dialer, metrics: Metrics) -> Self {
        Self {
            mailer: Mailer::new(dialer.gate().clone(), Endpoints::of_microsoft(), dialer.timeouts()),
            pools: Pools::new(dialer, metrics, Places::default()),
        }
    }

    /// The same with another way to Microsoft.
    #[must_use]
    pub fn through(self, mailer: Mailer) -> Self {
        Self { mailer, ..self }
    }

    /// The same for a process that has these places; one tenant's own server gets a quarter of them.
    #[must_use]
    pub fn within(self, places: Places) -> Self {
        Self {
            pools: self.pools.within(places),
            ..self
        }
    }

    /// Attempts one delivery once, over as many routes as it takes to be sure of an answer.
    ///
    /// Cancelling it is safe at any moment: what was being used is closed, and the dot is either out or will never be.
    pub async fn attempt(&self, job: &Job, mail: &WireMessage, mark: &impl DotMark) -> Attempted {
        match &job.path {
            Path::Shared(routes) => self.over_routes(job, routes, mail, mark).await,
            Path::Own(connection) => match connection.as_ref() {
                Connection::Smtp(server) => self.over_own_server(job, server, mail, mark).await,
                Connection::O365(mailbox) => self.over_mailbox(job, mailbox, mail, mark).await,
            },
        }
    }

    /// How much mail for the shared relay is worth claiming: while every route rests, mail would only be put back.
    #[must_use]
    pub fn shared_capacity(&self) -> Capacity {
        self.pools.capacity()
    }

    /// Until when nothing of the shared relay's mail should be claimed, where that is so.
    #[must_use]
    pub fn paused_until(&self) -> Option<Instant> {
        match self.shared_capacity() {
            Capacity::Free | Capacity::One => None,
            Capacity::None { until } => Some(until),
        }
    }

    /// The tenants whose mail of this lane should not be claimed: their own servers rest, or have as much as they may.
    #[must_use]
    pub fn blocked_tenants(&self, lane: Lane) -> Vec<Blocked> {
        self.pools.blocked(lane)
    }

    /// The tenants whose own servers failed and may be tried again: one delivery of each is worth claiming.
    #[must_use]
    pub fn tried_again(&self) -> Vec<TenantId> {
        self.pools.tried_again()
    }

    /// Resolves when the health of a server changes, and with it perhaps what is worth claiming. It hears every change from
    /// the call on: call it, ask [`Transports::shared_capacity`], then wait.
    pub fn health_changed(&self) -> Notified<'_> {
        self.pools.changed()
    }

    /// The health of the routes, for the overview.
    #[must_use]
    pub fn route_health(&self) -> RouteHealth {
        self.pools.health()
    }

    /// Closes sessions that have not been used for a while.
    pub fn prune(&self) {
        self.pools.prune();
    }

    /// Closes every session, politely and within bounds.
    pub async fn close(&self) {
        self.pools.close().await;
    }
}

/// No route to go by.
const fn held_without_route() -> Attempted {
    Attempted::Ended(
        Outcome::Held {
            by: HeldBy::NoRoute,
            retry_in: LOOK_AGAIN,
        },
        None,
    )
}

/// What a report says of the way taken.
#[derive(Debug, Clone, Copy)]
enum Way<'a> {
    Route(&'a Route),
    Own(&'a domain::connection::Host),
    Graph(Cloud),
}

impl Way<'_> {
    /// A report with nothing in it but the way, the stage and the time since `started`.
    fn report(self, stage: Stage, started: Instant) -> AttemptReport {
        let (route, server) = match self {
            Way::Route(route) => (Some(route.id), route.name.clone()),
            Way::Own(host) => (None, host.to_string()),
            Way::Graph(cloud) => (None, cloud.graph_host().to_owned()),
        };
        AttemptReport {
            route,
            server: Some(server),
            stage,
            reply: None,
            error: None,
            tls_version: None,
            duration: started.elapsed(),
        }
    }
}
