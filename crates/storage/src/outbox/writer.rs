//! The writer: one task that takes what is waiting, up to [`MOST`] operations, into one transaction.
//!
//! There is no timer: while one transaction is on its way to disk, the next group gathers by itself. The queue is bounded;
//! past it callers are told to come back. An operation that fails alone must not fail its neighbours: when a group fails,
//! each is tried once more in a transaction of its own.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use domain::{
    ids::{MessageId, NodeId},
    message::{HeldBy, kind::Lane},
    outbox::{AttemptReport, Fence, LEASE, Lease, Outcome, Room, Settled, Settlement},
    reply::Stage,
};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{
    claim::Claimed,
    group::Committed,
    submit::{Submission, Submitted},
};
use crate::{Inner, Store, error::StoreError};

/// Operations of one transaction at most.
const MOST: usize = 256;
/// The pause before a lease that could not be put back is tried again.
const PUT_BACK_AGAIN: Duration = Duration::from_millis(500);
/// How long mail rests whose tenant's settings cannot be used; they are mended by people.
const HELD_AGAIN: Duration = Duration::from_mins(5);
/// Operations that may wait.
pub(crate) const QUEUE: usize = 4096;

pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// One thing to be committed.
pub(crate) enum Operation {
    Submit {
        submission: Box<Submission>,
        reply: Reply<Submitted>,
    },
    Claim(Claim),
    Mark {
        lease: Lease,
        reply: Reply<Fence>,
    },
    Unmark {
        lease: Lease,
        reply: Reply<()>,
    },
    Settle {
        settlement: Box<Settlement>,
        delay: Duration,
        reply: Reply<Settled>,
    },
}

/// A worker's wish for mail of a lane.
pub(crate) struct Claim {
    pub(crate) node: NodeId,
    pub(crate) lane: Lane,
    pub(crate) room: Room,
    pub(crate) reply: Reply<Vec<Claimed>>,
}

/// What an operation came to, told once it is on disk.
pub(super) enum Done {
    Submitted(Submitted),
    Claimed(Vec<Claimed>),
    Marked(Fence),
    Unmarked,
    Settled(Settled),
}

impl Operation {
    /// Tells the caller; one that has gone away is not waited for.
    fn answer(self, done: Done) {
        match (self, done) {
            (Self::Submit { reply, .. }, Done::Submitted(submitted)) => drop(reply.send(Ok(submitted))),
            (Self::Claim(Claim { reply, .. }), Done::Claimed(claimed)) => drop(reply.send(Ok(claimed))),
            (Self::Mark { reply, .. }, Done::Marked(fence)) => drop(reply.send(Ok(fence))),
            (Self::Unmark { reply, .. }, Done::Unmarked) => drop(reply.send(Ok(()))),
            (Self::Settle { reply, .. }, Done::Settled(settled)) => drop(reply.send(Ok(settled))),
            // `apply` makes the one from the other; a mismatch drops the reply, which the caller sees as busy.
            (
                Self::Submit { .. } | Self::Claim(_) | Self::Mark { .. } | Self::Unmark { .. } | Self::Settle { .. },
                _,
            ) => {}
        }
    }

    fn fail(self, error: StoreError) {
        match self {
            Self::Submit { reply, .. } => drop(reply.send(Err(error))),
            Self::Claim(Claim { reply, .. }) => drop(reply.send(Err(error))),
            Self::Mark { reply, .. } => drop(reply.send(Err(error))),
            Self::Unmark { reply, .. } => drop(reply.send(Err(error))),
            Self::Settle { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

impl Store {
    /// Hands an operation to the writer and waits for its commit.
    pub(crate) async fn ask<T>(&self, operation: impl FnOnce(Reply<T>) -> Operation) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.inner
            .operations
            .try_send(operation(reply))
            .map_err(|_| StoreError::Busy)?;
        // The writer drops a reply only when it ends, which it does only with the process.
        answer.await.unwrap_or(Err(StoreError::Busy))
    }
}

/// Runs until the last [`Store`] is gone. Two that share the queue take turns: while one waits for the disk the other
/// gathers.
pub(crate) async fn run(store: Weak<Inner>, operations: Arc<Mutex<mpsc::Receiver<Operation>>>) {
    let mut group = Vec::with_capacity(MOST);
    while operations.lock().await.recv_many(&mut group, MOST).await > 0 {
        let Some(inner) = store.upgrade() else {
            return;
        };
        Store { inner }.see_through(std::mem::take(&mut group)).await;
    }
}

impl Store {
    async fn see_through(&self, mut group: Vec<Operation>) {
        match self.commit(&group).await {
            Ok(committed) => self.tell(group, committed),
            Err(error) if group.len() == 1 => {
                if let Some(operation) = group.pop() {
                    operation.fail(error);
                }
            }
            // Nobody is the cause of a database that does not answer.
            Err(StoreError::Unavailable(error)) if is_out_of_reach(&error) => {
                for operation in group {
                    operation.fail(StoreError::Busy);
                }
            }
            Err(_) => {
                for operation in group {
                    Box::pin(self.see_through(vec![operation])).await;
                }
            }
        }
    }

    fn tell(&self, group: Vec<Operation>, committed: Committed) {
        for (wanted, claimed) in committed.handed {
            if let Err(claimed) = wanted.reply.send(claimed) {
                self.let_go(claimed, wanted.node);
            }
        }
        for (lane, tenant) in committed.joined {
            self.inner.lanes.join(lane, tenant);
            if self.is_shared() {
                self.inner.news.joined(lane, tenant);
            }
        }
        for (operation, answer) in group.into_iter().zip(committed.done) {
            operation.answer(answer);
        }
    }

    /// Puts back what was leased for a worker that has gone away, as soon as the store takes it; at worst each waits for its
    /// lease's end.
    pub(super) fn let_go(&self, claimed: Vec<Claimed>, node: NodeId) {
        self.settle_unworked(claimed, node, (Outcome::Released, None));
    }

    /// Keeps what cannot go by its tenant's settings as they are; saving them makes it due again.
    pub(super) fn hold_unusable(&self, claimed: Vec<Claimed>, node: NodeId) {
        let held = Outcome::Held {
            by: HeldBy::Configuration,
            retry_in: HELD_AGAIN,
        };
        let report = AttemptReport {
            route: None,
            server: None,
            stage: Stage::Resolve,
            reply: None,
            error: Some("The tenant's email settings cannot be used as they are.".to_owned()),
            tls_version: None,
            duration: Duration::ZERO,
        };
        self.settle_unworked(claimed, node, (held, Some(report)));
    }

    /// Settles what nobody has worked on, as soon as the store takes it.
    fn settle_unworked(
        &self,
        claimed: Vec<Claimed>,
        node: NodeId,
        (outcome, report): (Outcome, Option<AttemptReport>),
    ) {
        if claimed.is_empty() {
            return;
        }
        let store = self.clone();
        tokio::spawn(async move {
            let until = tokio::time::Instant::now() + LEASE;
            for row in claimed {
                let settlement = Settlement {
                    lease: row.lease(),
                    node,
                    message: MessageId::new(row.message_id),
                    lane: row.lane(),
                    outcome: outcome.clone(),
                    report: report.clone(),
                };
                while let Err(error) = store.settle(settlement.clone(), Duration::ZERO).await
                    && tokio::time::Instant::now() < until
                {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "a lease was not put back; trying again"
                    );
                    tokio::time::sleep(PUT_BACK_AGAIN).await;
                }
            }
        });
    }

    pub(super) async fn settle(&self, settlement: Settlement, delay: Duration) -> Result<Settled, StoreError> {
        let settlement = Box::new(settlement);
        self.ask(|reply| Operation::Settle {
            settlement,
            delay,
            reply,
        })
        .await
    }
}

const fn is_out_of_reach(error: &sea_orm::DbErr) -> bool {
    matches!(error, sea_orm::DbErr::ConnectionAcquire(_) | sea_orm::DbErr::Conn(_))
}
