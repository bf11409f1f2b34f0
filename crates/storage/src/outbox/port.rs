//! The store as the relay's [`Outbox`]: each call becomes an operation of the writer, or a statement of its own where no
//! flush to disk is shared.

use domain::{
    ids::NodeId,
    message::kind::Lane,
    outbox::{Fence, Job, Lease, Outbox, OutboxError, Settled, Settlement},
};

use super::{StoreOutbox, unavailable, writer::Operation};

impl Outbox for StoreOutbox {
    async fn claim(&self, node: NodeId, lane: Lane, most: usize) -> Result<Vec<Job>, OutboxError> {
        let claimed = self
            .store
            .ask(|reply| Operation::Claim {
                node,
                lane,
                most,
                reply,
            })
            .await
            .map_err(unavailable)?;
        self.store.jobs(claimed, &self.provider).await.map_err(unavailable)
    }

    async fn mark(&self, lease: Lease) -> Result<Fence, OutboxError> {
        self.store
            .ask(|reply| Operation::Mark { lease, reply })
            .await
            .map_err(unavailable)
    }

    async fn unmark(&self, lease: Lease) -> Result<(), OutboxError> {
        self.store
            .ask(|reply| Operation::Unmark { lease, reply })
            .await
            .map_err(unavailable)
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, OutboxError> {
        let delay = self.unknown_delay;
        let settlement = Box::new(settlement);
        self.store
            .ask(|reply| Operation::Settle {
                settlement,
                delay,
                reply,
            })
            .await
            .map_err(unavailable)
    }

    async fn heartbeat(&self, node: NodeId, held: &[Lease]) -> Result<(), OutboxError> {
        self.store.heartbeat(node, held).await.map_err(unavailable)
    }

    async fn sweep(&self) -> Result<(), OutboxError> {
        self.store.sweep(self.unknown_delay).await.map_err(unavailable)
    }

    async fn work(&self) {
        self.store.inner.wake.notified().await;
    }
}
