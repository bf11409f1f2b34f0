//! The writer: one task that takes what is waiting, up to [`MOST`] operations, into one transaction.
//!
//! There is no timer: while one transaction is on its way to disk, the next group gathers by itself. The queue is bounded;
//! past it callers are told to come back. An operation that fails alone must not fail its neighbours: when a group fails,
//! each is tried once more in a transaction of its own.

use std::{sync::Weak, time::Duration};

use domain::{
    ids::NodeId,
    message::kind::Lane,
    outbox::{Fence, Lease, Settled, Settlement},
};
use sea_orm::DatabaseTransaction;
use tokio::sync::{mpsc, oneshot};

use super::{
    claim::Claimed,
    crash,
    submit::{Submission, Submitted},
};
use crate::{Inner, Store, error::StoreError};

/// Operations of one transaction at most.
const MOST: usize = 256;
/// Operations that may wait.
pub(crate) const QUEUE: usize = 4096;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// One thing to be committed.
pub(crate) enum Operation {
    Submit {
        submission: Box<Submission>,
        reply: Reply<Submitted>,
    },
    Claim {
        node: NodeId,
        lane: Lane,
        most: usize,
        reply: Reply<Vec<Claimed>>,
    },
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

/// What an operation came to, told once it is on disk.
enum Done {
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
            (Self::Claim { reply, .. }, Done::Claimed(claimed)) => drop(reply.send(Ok(claimed))),
            (Self::Mark { reply, .. }, Done::Marked(fence)) => drop(reply.send(Ok(fence))),
            (Self::Unmark { reply, .. }, Done::Unmarked) => drop(reply.send(Ok(()))),
            (Self::Settle { reply, .. }, Done::Settled(settled)) => drop(reply.send(Ok(settled))),
            // `apply` makes the one from the other; a mismatch drops the reply, which the caller sees as busy.
            (
                Self::Submit { .. }
                | Self::Claim { .. }
                | Self::Mark { .. }
                | Self::Unmark { .. }
                | Self::Settle { .. },
                _,
            ) => {}
        }
    }

    fn fail(self, error: StoreError) {
        match self {
            Self::Submit { reply, .. } => drop(reply.send(Err(error))),
            Self::Claim { reply, .. } => drop(reply.send(Err(error))),
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

/// Runs until the last [`Store`] is gone.
pub(crate) async fn run(store: Weak<Inner>, mut operations: mpsc::Receiver<Operation>) {
    let mut group = Vec::with_capacity(MOST);
    while operations.recv_many(&mut group, MOST).await > 0 {
        let Some(inner) = store.upgrade() else {
            return;
        };
        Store { inner }.commit_group(std::mem::take(&mut group)).await;
    }
}

impl Store {
    async fn commit_group(&self, group: Vec<Operation>) {
        let submits = group
            .iter()
            .any(|operation| matches!(operation, Operation::Submit { .. }));
        match self.try_group(&group).await {
            Ok(done) => {
                if submits {
                    self.inner.wake.notify_one();
                }
                for (operation, answer) in group.into_iter().zip(done) {
                    operation.answer(answer);
                }
            }
            Err(error) if group.len() == 1 => {
                if let Some(operation) = group.into_iter().next() {
                    operation.fail(error);
                }
            }
            Err(_) => {
                for operation in group {
                    Box::pin(self.commit_group(vec![operation])).await;
                }
            }
        }
    }

    async fn try_group(&self, group: &[Operation]) -> Result<Vec<Done>, StoreError> {
        let transaction = self.begin().await?;
        let mut done = Vec::with_capacity(group.len());
        for operation in group {
            done.push(self.apply(&transaction, operation).await?);
        }
        crash::before_commit(group);
        transaction.commit().await?;
        crash::after_commit(group);
        Ok(done)
    }

    async fn apply(&self, transaction: &DatabaseTransaction, operation: &Operation) -> Result<Done, StoreError> {
        Ok(match operation {
            Operation::Submit { submission, .. } => Done::Submitted(self.apply_submit(transaction, submission).await?),
            Operation::Claim { node, lane, most, .. } => {
                Done::Claimed(self.apply_claim(transaction, *node, *lane, *most).await?)
            }
            Operation::Mark { lease, .. } => Done::Marked(self.apply_mark(transaction, *lease).await?),
            Operation::Unmark { lease, .. } => {
                self.apply_unmark(transaction, *lease).await?;
                Done::Unmarked
            }
            Operation::Settle { settlement, delay, .. } => {
                Done::Settled(self.apply_settle(transaction, settlement, *delay).await?)
            }
        })
    }
}
