//! The ways out: which one a delivery takes, and what its end means.
//!
//! A job says which way is its own; there is one module for each send method. Whatever happens on the way is an outcome
//! here, never an error: the dispatcher has only to write it down.

use std::time::Duration;

use domain::{
    connection::{Connection, Route},
    message::HeldBy,
    outbox::{AttemptReport, Job, Outcome, Path},
    reply::Stage,
};
use tokio::time::Instant;

use crate::{compose::WireMessage, metrics::Metrics, pool::Pools, session::Dialer, session::DotMark};

mod order;
mod smtp;
mod verdict;

/// How long held mail rests before it is looked at again: a wrong setting is mended by people.
const LOOK_AGAIN: Duration = Duration::from_mins(5);

/// Every way out of this process.
#[derive(Debug)]
pub struct Transports {
    dialer: Dialer,
    pools: Pools,
    metrics: Metrics,
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
    /// Transports over this dialer; sessions of routes are kept between messages.
    #[must_use]
    pub fn new(dialer: Dialer, metrics: Metrics) -> Self {
        Self {
            pools: Pools::new(dialer.clone(), metrics.clone()),
            dialer,
            metrics,
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
            },
        }
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
}

impl Way<'_> {
    /// A report with nothing in it but the way, the stage and the time since `started`.
    fn report(self, stage: Stage, started: Instant) -> AttemptReport {
        let (route, server) = match self {
            Way::Route(route) => (Some(route.id), route.name.clone()),
            Way::Own(host) => (None, host.to_string()),
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
