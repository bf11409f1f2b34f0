//! The store as the relay's [`Outbox`]: each call becomes an operation of the writer, or a statement of its own where no
//! flush to disk is shared.

use domain::{
    ids::NodeId,
    message::kind::Lane,
    outbox::{Fence, Job, Lease, Outbox, OutboxError, Room, Settled, Settlement},
};

use tokio::sync::oneshot;

use super::{
    StoreOutbox,
    claim::Claimed,
    lanes::Wanted,
    unavailable,
    writer::{Claim, Operation},
};

/// Leases on their way to a worker; put back if they do not arrive.
struct OnTheWay<'a> {
    outbox: &'a StoreOutbox,
    node: NodeId,
    claimed: Vec<Claimed>,
}

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        self.outbox.store.let_go(std::mem::take(&mut self.claimed), self.node);
    }
}

/// A worker that waits. One that stops waiting gives back what was handed to it at that very moment.
struct Waiting<'a> {
    outbox: &'a StoreOutbox,
    node: NodeId,
    answer: oneshot::Receiver<Vec<Claimed>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(claimed) = self.answer.try_recv() {
            self.outbox.store.let_go(claimed, self.node);
        }
    }
}

impl StoreOutbox {
    async fn open(&self, node: NodeId, claimed: Vec<Claimed>) -> Result<Vec<Job>, OutboxError> {
        let mut way = OnTheWay {
            outbox: self,
            node,
            claimed,
        };
        let opened = self.store.jobs(way.claimed.clone(), &self.provider).await;
        let opened = opened.map_err(unavailable)?;
        way.claimed.clear();
        self.store.hold_unusable(opened.unusable, node);
        Ok(opened.jobs)
    }
}

impl Outbox for StoreOutbox {
    async fn claim(&self, node: NodeId, lane: Lane, room: Room) -> Result<Vec<Job>, OutboxError> {
        let lanes = &self.store.inner.lanes;
        if lanes.should_look(lane) {
            lanes.found(lane, &self.store.look(lane).await.map_err(unavailable)?);
        }
        if !lanes.has_for(lane, &room) {
            return Ok(Vec::new());
        }
        let claimed = self
            .store
            .ask(|reply| {
                Operation::Claim(Claim {
                    node,
                    lane,
                    room,
                    reply,
                })
            })
            .await
            .map_err(unavailable)?;
        self.open(node, claimed).await
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
        self.store
            .settle(settlement, self.unknown_delay)
            .await
            .map_err(unavailable)
    }

    async fn heartbeat(&self, node: NodeId, held: &[Lease]) -> Result<(), OutboxError> {
        self.store.heartbeat(node, held).await.map_err(unavailable)
    }

    async fn sweep(&self) -> Result<(), OutboxError> {
        self.store.sweep(self.unknown_delay).await.map_err(unavailable)
    }

    async fn wait(&self, node: NodeId, lane: Lane, room: Room) -> Result<Vec<Job>, OutboxError> {
        let (reply, answer) = oneshot::channel();
        let mut waiting = Waiting {
            outbox: self,
            node,
            answer,
        };
        self.store.inner.lanes.want(lane, Wanted { node, room, reply });
        // A worker that waits in this one's place takes its reply away.
        let handed = (&mut waiting.answer).await.unwrap_or_default();
        self.open(node, handed).await
    }
}
