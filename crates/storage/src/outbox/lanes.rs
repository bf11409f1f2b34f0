//! What this process knows of each lane without asking the database: which tenants have mail due, and which of its own
//! workers wait for some.
//!
//! It is a hint, never the truth: a claim that finds nothing drops the tenant, and the database is looked through every
//! [`LOOK_AGAIN`] for what became due by time or came from another process without a word.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::{ids::NodeId, message::kind::Lane};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    claim::Claimed,
    turns::{Drawn, Turn, Turns},
};

/// How old the hint may be before the database is looked through again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A worker that waits for mail.
pub(super) struct Wanted {
    pub(super) node: NodeId,
    pub(super) most: usize,
    pub(super) reply: oneshot::Sender<Vec<Claimed>>,
}

/// All lanes.
#[derive(Default)]
pub(crate) struct Lanes {
    urgent: Mutex<State>,
    interactive: Mutex<State>,
    background: Mutex<State>,
    weights: Mutex<HashMap<Uuid, u32>>,
}

#[derive(Default)]
struct State {
    turns: Turns,
    looked: Option<Instant>,
    /// Several may wait: while what one is handed is on its way to disk, the next is there for what comes after it.
    wanted: VecDeque<Wanted>,
}

impl State {
    /// Says that there may be something to claim.
    fn call(&mut self) {
        for wanted in self.wanted.drain(..) {
            // One that has gone away is not waited for.
            drop(wanted.reply.send(Vec::new()));
        }
    }
}

impl Lanes {
    fn state(&self, lane: Lane) -> MutexGuard<'_, State> {
        let state = match lane {
            Lane::Urgent => &self.urgent,
            Lane::Interactive => &self.interactive,
            Lane::Background => &self.background,
        };
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn weight(&self, tenant: Uuid) -> u32 {
        let weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        weights.get(&tenant).copied().unwrap_or(1)
    }

    /// Everything may have changed: the database is to be looked through.
    pub(super) fn wake(&self) {
        for lane in Lane::ALL {
            let mut state = self.state(lane);
            state.looked = None;
            state.call();
        }
    }

    /// A tenant has mail due.
    pub(super) fn join(&self, lane: Lane, tenant: Uuid) {
        let weight = self.weight(tenant);
        let mut state = self.state(lane);
        state.turns.join(tenant, weight);
        state.call();
    }

    /// Whether the database should be looked through before the next claim.
    pub(super) fn should_look(&self, lane: Lane) -> bool {
        let state = self.state(lane);
        state.turns.is_empty() || state.looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN)
    }

    /// What a look through the database found.
    pub(super) fn found(&self, lane: Lane, tenants: &[(Uuid, u32)]) {
        {
            let mut weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
            for (tenant, weight) in tenants {
                if *weight == 1 {
                    weights.remove(tenant);
                } else {
                    weights.insert(*tenant, *weight);
                }
            }
        }
        let mut state = self.state(lane);
        state.looked = Some(Instant::now());
        for (tenant, weight) in tenants {
            state.turns.join(*tenant, *weight);
        }
    }

    pub(super) fn draw(&self, lane: Lane, most: usize) -> Vec<Drawn> {
        self.state(lane).turns.draw(most)
    }

    pub(super) fn put_back(&self, lane: Lane, turns: impl IntoIterator<Item = Turn>) {
        let mut state = self.state(lane);
        for turn in turns {
            state.turns.put_back(turn);
        }
    }

    /// Nothing of this lane can go now, whoever's it is.
    pub(super) fn clear(&self, lane: Lane) {
        self.state(lane).turns.clear();
    }

    /// Lets a worker wait; where there is something to claim it is told so at once.
    pub(super) fn want(&self, lane: Lane, wanted: Wanted) {
        let mut state = self.state(lane);
        state.wanted.retain(|other| !other.reply.is_closed());
        state.wanted.push_back(wanted);
        if state.looked.is_none() || !state.turns.is_empty() {
            state.call();
        }
    }

    /// Whether this process has workers for this lane.
    pub(super) fn has_workers(&self, lane: Lane) -> bool {
        self.state(lane).looked.is_some()
    }

    /// The worker to hand mail over to: only while nobody else's mail waits in the lane.
    pub(super) fn take_wanted(&self, lane: Lane) -> Option<Wanted> {
        let mut state = self.state(lane);
        if !state.turns.is_empty() {
            return None;
        }
        std::iter::from_fn(|| state.wanted.pop_front()).find(|wanted| !wanted.reply.is_closed())
    }
}
