//! Leaves a server alone that fails, so that its mail waits and nobody else's does.
//!
//! Without it every message to a dead server would hold a worker for the whole connect time-out. Only failures of the server
//! itself count: what it says of a sender, a recipient or a text is no reason to keep others from it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::metrics::Metrics;

mod state;

pub(crate) use state::Bearing;
pub use state::Condition;
use state::{Admission, Role, State};

/// One server's breaker, as everybody who uses the server sees it.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// The server's name in the log.
    name: String,
    inner: Mutex<Inner>,
    /// Told whenever the condition changes.
    changed: Arc<Notify>,
    opened: Notify,
    metrics: Option<Metrics>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    last_error: Option<String>,
    /// The condition that the gauge counts.
    counted: Condition,
}

/// How a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether it is asked.
    pub condition: Condition,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// Until when it is left alone.
    pub open_until: Option<Instant>,
    /// The last failure of the server itself since it last worked: the stage, then what went wrong.
    pub last_error: Option<String>,
}

/// An attempt was not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resting {
    /// When it is worth asking again; none while a probe is under way.
    pub(crate) until: Option<Instant>,
    /// Why it rests.
    pub(crate) error: Option<String>,
}

/// Leave to use the server once. Dropped without a conclusion it says nothing of the server.
#[derive(Debug)]
pub(crate) struct Pass {
    breaker: Arc<Breaker>,
    role: Role,
}

impl Breaker {
    /// A closed breaker. Where there are `metrics`, they count it by its condition.
    pub(super) fn new(name: String, first_rest: Duration, changed: Arc<Notify>, metrics: Option<Metrics>) -> Self {
        if let Some(metrics) = &metrics {
            metrics.route_appeared(Condition::Closed);
        }
        Self {
            name,
            inner: Mutex::new(Inner {
                state: State::new(first_rest),
                last_error: None,
                counted: Condition::Closed,
            }),
            changed,
            opened: Notify::new(),
            metrics,
        }
    }

    /// Leave to use the server, if it may be used.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Pass, Resting> {
        let admission = self.change(|inner, now| inner.state.admit(now));
        match admission {
            Admission::As(role) => Ok(Pass {
                breaker: Arc::clone(self),
                role,
            }),
            Admission::Not(until) => Err(Resting {
                until,
                error: self.lock().last_error.clone(),
            }),
        }
    }

    /// Why an attempt would not be let through now.
    pub(crate) fn resting(&self) -> Option<Resting> {
        let inner = self.lock();
        match inner.state.preview(Instant::now()) {
            Admission::As(_) => None,
            Admission::Not(until) => Some(Resting {
                until,
                error: inner.last_error.clone(),
            }),
        }
    }

    /// Resolves once no attempt would be let through.
    pub(crate) async fn rests(&self) -> Resting {
        loop {
            let opened = self.opened.notified();
            if let Some(resting) = self.resting() {
                return resting;
            }
            opened.await;
        }
    }

    pub(crate) fn health(&self) -> Health {
        self.change(|inner, now| Health {
            condition: inner.state.condition(now),
            consecutive_failures: inner.state.failures(),
            open_until: inner.state.open_until(),
            last_error: inner.last_error.clone(),
        })
    }

    /// Does something to the state, and tells the gauge, the log and whoever waits what has changed.
    fn change<T>(&self, action: impl FnOnce(&mut Inner, Instant) -> T) -> T {
        let now = Instant::now();
        let mut inner = self.lock();
        let result = action(&mut inner, now);
        let (before, after) = (inner.counted, inner.state.condition(now));
        if before == after {
            return result;
        }
        inner.counted = after;
        let error = inner.last_error.clone();
        drop(inner);
        self.tell(before, after, error.as_deref());
        result
    }

    fn tell(&self, before: Condition, after: Condition, error: Option<&str>) {
        if let Some(metrics) = &self.metrics {
            metrics.route_disappeared(before);
            metrics.route_appeared(after);
        }
        match after {
            Condition::Open => {
                tracing::warn!(
                    server.name = self.name,
                    error,
                    "the server fails and is left alone for a while"
                );
                self.opened.notify_waiters();
            }
            Condition::HalfOpen => {}
            Condition::Closed => tracing::info!(server.name = self.name, "the server is used again"),
        }
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        let counted = self.lock().counted;
        if let Some(metrics) = &self.metrics {
            metrics.route_disappeared(counted);
        }
    }
}

impl Pass {
    /// The server has opened a session.
    pub(crate) fn opened(&self) {
        if self.role == Role::Probe {
            self.breaker.change(|inner, _| inner.state.probe_opened());
        }
    }

    /// What the attempt says of the server; `error` is kept to be shown where it says no good.
    pub(crate) fn conclude(mut self, bearing: Bearing, error: impl FnOnce() -> String) {
        let role = std::mem::replace(&mut self.role, Role::Free);
        self.breaker.change(|inner, now| {
            inner.last_error = match bearing {
                Bearing::Well => None,
                Bearing::Failing | Bearing::Busy(_) | Bearing::Misconfigured => Some(error()),
            };
            inner.state.conclude(role, bearing, now, rand::random());
        });
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.role == Role::Probe {
            self.breaker.change(|inner, now| inner.state.probe_ended(now));
        }
    }
}

#[cfg(test)]
mod tests;
