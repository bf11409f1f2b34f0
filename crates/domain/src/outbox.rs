//! The one port: what the relay asks of the store, so that it knows no SQL.
//!
//! A job is claimed under a lease of this process; every later write carries the lease's epoch, and a write that finds
//! another epoch changes nothing. Between the claim and the final state stands one fence, the dot mark: it is committed just
//! before the final dot goes out, so that after a crash the store knows which deliveries a server may have taken.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use crate::{
    branding::EffectiveFrom,
    clock::Timestamp,
    connection::{Connection, Route},
    ids::{DeliveryId, MessageId, NodeId, RouteId, TenantId},
    message::{
        HeldBy, Locale, Recipient,
        kind::{Content, Lane},
    },
    reply::{Reply, Stage, Suppress},
    tenant::Edition,
};

/// How long a claim holds without a heartbeat.
pub const LEASE: Duration = Duration::from_secs(45);
/// How often a process renews its leases.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often leases that ran out are looked for.
pub const SWEEP: Duration = Duration::from_secs(5);
/// How old a mark may be when the dot is written.
pub const DOT_WITHIN: Duration = Duration::from_secs(5);
/// A process is alive while its heartbeat is younger than this.
pub const NODE_ALIVE: Duration = Duration::from_secs(15);

/// The right to attempt one delivery once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Whose delivery.
    pub tenant: TenantId,
    /// The message it is a copy of.
    pub message: MessageId,
    /// Which.
    pub delivery: DeliveryId,
    /// Which claim of it; rises with each.
    pub epoch: i64,
}

/// Everything one attempt needs, unsealed.
#[derive(Debug, Clone)]
pub struct Job {
    /// The right to it.
    pub lease: Lease,
    /// The message this is a copy of.
    pub message: MessageId,
    /// The lane it waited in.
    pub lane: Lane,
    /// The tenant's name, for the text.
    pub tenant_name: String,
    /// What it says.
    pub content: Content,
    /// In which language.
    pub locale: Locale,
    /// To whom.
    pub recipient: Recipient,
    /// From whom, by the settings of this moment.
    pub from: EffectiveFrom,
    /// The Message-ID without angle brackets, fixed at acceptance.
    pub message_id_header: String,
    /// When the message was accepted: its Date.
    pub accepted_at: Timestamp,
    /// When it is too late.
    pub expires_at: Timestamp,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How often the outcome of an attempt at it was unknown: somebody may have it already.
    pub unknowns: u32,
    /// The way out.
    pub path: Path,
}

/// The way out of one job.
#[derive(Debug, Clone)]
pub enum Path {
    /// Any of the shared relay's routes that are not paused, best priority first.
    Shared(Arc<[Route]>),
    /// The tenant's own connection.
    Own(Arc<Connection>),
}

/// How much mail a relay process can work on now. What there is no room for stays in the queue, untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Deliveries at most.
    pub most: usize,
    /// At most so many of these by the shared relay: none while every route rests.
    pub shared: usize,
    /// At most so many of one tenant by its own connection.
    pub own: usize,
    /// The tenants for whom it is less, since their own servers rest or have some in hand.
    pub less: HashMap<TenantId, usize>,
}

impl Room {
    /// Room for so many, whoever's they are.
    #[must_use]
    pub fn of(most: usize) -> Self {
        Self {
            most,
            shared: most,
            own: most,
            less: HashMap::new(),
        }
    }

    /// How many of these may be one tenant's.
    #[must_use]
    pub fn of_tenant(&self, tenant: TenantId, edition: Edition) -> usize {
        let room = match edition {
            Edition::Cloud => self.shared,
            Edition::OnPremises => self.less.get(&tenant).copied().unwrap_or(self.own),
        };
        room.min(self.most)
    }

    /// Uses some of it for a tenant.
    pub fn take(&mut self, tenant: TenantId, edition: Edition, count: usize) {
        self.most = self.most.saturating_sub(count);
        match edition {
            Edition::Cloud => self.shared = self.shared.saturating_sub(count),
            Edition::OnPremises => {
                let left = self.less.entry(tenant).or_insert(self.own);
                *left = left.saturating_sub(count);
            }
        }
    }
}

/// The store's answer to a dot mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// Marked: write the dot within [`DOT_WITHIN`].
    Open,
    /// Another process has it, or the lease ran out: close without the dot, write nothing.
    Lost,
    /// Too late to be worth sending, replaced or withdrawn: close without the dot; the store has settled it.
    Withdrawn,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The next server took it.
    Sent,
    /// To be tried again after this long.
    Deferred {
        /// From now.
        retry_in: Duration,
    },
    /// Refused for good.
    Bounced {
        /// Whether the address is known not to exist.
        suppress: Suppress,
    },
    /// Nothing wrong with it, but it cannot go now; looked at again after this long.
    Held {
        /// What keeps it.
        by: HeldBy,
        /// From now.
        retry_in: Duration,
    },
    /// The connection was lost after the dot.
    Unknown,
    /// Not attempted after all (shutting down): back into the queue as it was.
    Released,
}

impl Outcome {
    /// The name in tables, metrics and logs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Deferred { .. } => "deferred",
            Self::Bounced { .. } => "bounced",
            Self::Held { .. } => "held",
            Self::Unknown => "outcome_unknown",
            Self::Released => "released",
        }
    }
}

/// How an attempt went, for its row and its event.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptReport {
    /// The route used, where one of the shared relay was.
    pub route: Option<RouteId>,
    /// Its name or the server's, for people.
    pub server: Option<String>,
    /// How far it came.
    pub stage: Stage,
    /// The last reply, where one came.
    pub reply: Option<Reply>,
    /// What went wrong where no reply says it, in one sentence.
    pub error: Option<String>,
    /// The session's TLS version, `TLSv1.3` or the like.
    pub tls_version: Option<String>,
    /// From claim to outcome.
    pub duration: Duration,
}

/// An attempt's end.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The right it was made under.
    pub lease: Lease,
    /// The process that made it.
    pub node: NodeId,
    /// The message it belongs to.
    pub message: MessageId,
    /// The lane it came from.
    pub lane: Lane,
    /// What became of it.
    pub outcome: Outcome,
    /// How it went; none where nothing was tried.
    pub report: Option<AttemptReport>,
}

/// Whether a settlement changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It did.
    Yes,
    /// The lease was lost before; only the attempt's own row was written.
    Fenced,
}

/// Why the store could not.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The store is out of reach; the lease will run out and another try be made.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What the relay asks of the store.
pub trait Outbox: Send + Sync + 'static {
    /// Leases due deliveries of a lane to this process, as many as there is `room` for; an empty answer means that nothing is
    /// due that there is room for.
    fn claim(&self, node: NodeId, lane: Lane, room: Room)
    -> impl Future<Output = Result<Vec<Job>, OutboxError>> + Send;

    /// Commits the dot mark, on condition of the epoch, a live lease and a message that is still wanted.
    fn mark(&self, lease: Lease) -> impl Future<Output = Result<Fence, OutboxError>> + Send;

    /// Takes a mark back: the dot was not written.
    fn unmark(&self, lease: Lease) -> impl Future<Output = Result<(), OutboxError>> + Send;

    /// Commits an attempt's end.
    fn settle(&self, settlement: Settlement) -> impl Future<Output = Result<Settled, OutboxError>> + Send;

    /// Says that this process lives, and renews the leases it holds. Not every lease in its name: one whose claim was
    /// committed and never answered, since the store died in between, is worked on by nobody and must run out.
    fn heartbeat(&self, node: NodeId, held: &[Lease]) -> impl Future<Output = Result<(), OutboxError>> + Send;

    /// Puts right what dead processes and passing time left: leases that ran out, and mail whose time did.
    fn sweep(&self) -> impl Future<Output = Result<(), OutboxError>> + Send;

    /// Waits for mail of a lane that there is `room` for. What this process accepts itself may be handed over at once, leased;
    /// an empty answer says that there may be something to claim. Safe to cancel: what was on its way is put back.
    fn wait(&self, node: NodeId, lane: Lane, room: Room) -> impl Future<Output = Result<Vec<Job>, OutboxError>> + Send;
}
