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

use domain::{
    ids::{NodeId, TenantId},
    message::kind::Lane,
    outbox::Room,
    tenant::Edition,
};
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
    pub(super) room: Room,
    pub(super) reply: oneshot::Sender<Vec<Claimed>>,
}

/// All lanes.
#[derive(Default)]
pub(crate) struct Lanes {
    urgent: Mutex<State>,
    interactive: Mutex<State>,
    background: Mutex<State>,
    known: Mutex<HashMap<Uuid, Known>>,
}

/// What is known of a tenant; who is not known is one of many, on the shared relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) weight: u32,
    pub(super) edition: Edition,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            weight: 1,
            edition: Edition::Cloud,
        }
    }
}

#[derive(Default)]
struct State {
    turns: Turns,
    looked: Option<Instant>,
    /// Several may wait: while what one is handed is on its way to disk, the next is there for what comes after it.
    wanted: VecDeque<Wanted>,
}

impl State {
    /// Says to those who have room for it that there may be something to claim.
    fn call(&mut self, fits: impl Fn(&Wanted) -> bool) {
        for wanted in std::mem::take(&mut self.wanted) {
            if fits(&wanted) {
                // One that has gone away is not waited for.
                drop(wanted.reply.send(Vec::new()));
            } else {
                self.wanted.push_back(wanted);
            }
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

    /// What is known of the tenants; taken before a lane's state, never after.
    fn known(&self) -> MutexGuard<'_, HashMap<Uuid, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a tenant has a connection of its own.
    pub(super) fn note_own(&self, tenant: Uuid) {
        self.known().entry(tenant).or_default().edition = Edition::OnPremises;
    }

    /// Everything may have changed: the database is to be looked through.
    pub(super) fn wake(&self) {
        for lane in Lane::ALL {
            let mut state = self.state(lane);
            state.looked = None;
            state.call(|_| true);
        }
    }

    /// A tenant has mail due.
    pub(super) fn join(&self, lane: Lane, tenant: Uuid) {
        let known = self.known().get(&tenant).copied().unwrap_or_default();
        let mut state = self.state(lane);
        state.turns.join(tenant, known.weight);
        state.call(|wanted| wanted.room.of_tenant(TenantId::new(tenant), known.edition) > 0);
    }

    /// Whether the database should be looked through before the next claim.
    pub(super) fn should_look(&self, lane: Lane) -> bool {
        let state = self.state(lane);
        state.turns.is_empty() || state.looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN)
    }

    /// What a look through the database found.
    pub(super) fn found(&self, lane: Lane, tenants: &[(Uuid, Known)]) {
        {
            let mut all = self.known();
            for (tenant, known) in tenants {
                if *known == Known::default() {
                    all.remove(tenant);
                } else {
                    all.insert(*tenant, *known);
                }
            }
        }
        let mut state = self.state(lane);
        state.looked = Some(Instant::now());
        for (tenant, known) in tenants {
            state.turns.join(*tenant, known.weight);
        }
    }

    pub(super) fn draw(&self, lane: Lane, room: Room) -> Vec<Drawn> {
        let known = self.known();
        self.state(lane).turns.draw(room, edition_in(&known))
    }

    /// Whether somebody may have mail due that there is room for.
    pub(super) fn has_for(&self, lane: Lane, room: &Room) -> bool {
        let known = self.known();
        self.state(lane).turns.has_for(room, edition_in(&known))
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

    /// Nothing can go by the shared relay now, whatever a worker has room for.
    pub(super) fn forget_shared(&self, lane: Lane) {
        let known = self.known();
        self.state(lane).turns.forget(edition_in(&known), Edition::Cloud);
    }

    /// Lets a worker wait; where there is something to claim it is told so at once.
    pub(super) fn want(&self, lane: Lane, wanted: Wanted) {
        let known = self.known();
        let mut state = self.state(lane);
        let waits = state.looked.is_some() && !state.turns.has_for(&wanted.room, edition_in(&known));
        if waits {
            state.wanted.retain(|other| !other.reply.is_closed());
            state.wanted.push_back(wanted);
        } else {
            // One that has gone away is not waited for.
            drop(wanted.reply.send(Vec::new()));
        }
    }

    /// Whether this process has workers for this lane.
    pub(super) fn has_workers(&self, lane: Lane) -> bool {
        self.state(lane).looked.is_some()
    }

    /// The worker to hand mail over to: only while nobody else's mail waits in the lane that it has room for.
    pub(super) fn take_wanted(&self, lane: Lane) -> Option<Wanted> {
        let known = self.known();
        let mut state = self.state(lane);
        state.wanted.retain(|wanted| !wanted.reply.is_closed());
        let free = |wanted: &Wanted| !state.turns.has_for(&wanted.room, edition_in(&known));
        let at = state.wanted.iter().position(free)?;
        state.wanted.remove(at)
    }
}

fn edition_in(known: &HashMap<Uuid, Known>) -> impl Fn(Uuid) -> Edition {
    |tenant| known.get(&tenant).copied().unwrap_or_default().edition
}
