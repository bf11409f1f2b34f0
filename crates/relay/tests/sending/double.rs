//! An outbox in memory: what is put in is claimed once, what is settled is kept for the test to see.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use domain::{
    ids::NodeId,
    message::kind::Lane,
    outbox::{Fence, Job, Lease, Outbox, OutboxError, Outcome, Path, Room, Settled, Settlement},
    tenant::Edition,
};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::sample::PATIENCE;

/// What a mark does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnMark {
    Answer(Fence),
    Panic,
}

pub(crate) struct MemoryOutbox {
    waiting: Mutex<VecDeque<Job>>,
    settled: watch::Sender<Vec<Settlement>>,
    marked: watch::Sender<u32>,
    news: Notify,
    on_mark: OnMark,
    /// So many calls of settle still fail.
    failures: AtomicU32,
    pub(crate) heartbeats: AtomicU32,
}

impl MemoryOutbox {
    pub(crate) fn new(on_mark: OnMark) -> Self {
        Self {
            waiting: Mutex::default(),
            settled: watch::Sender::default(),
            marked: watch::Sender::default(),
            news: Notify::new(),
            on_mark,
            failures: AtomicU32::new(0),
            heartbeats: AtomicU32::new(0),
        }
    }

    pub(crate) fn put(&self, job: Job) {
        self.waiting.lock().unwrap().push_back(job);
        self.news.notify_one();
    }

    pub(crate) fn fail_to_settle(&self, times: u32) {
        self.failures.store(times, Ordering::SeqCst);
    }

    /// The outcomes, once there are so many.
    pub(crate) async fn outcomes(&self, count: usize) -> Vec<Outcome> {
        let mut settled = self.settled.subscribe();
        let enough = settled.wait_for(|settled| settled.len() >= count);
        let settled = timeout(PATIENCE, enough).await.unwrap().unwrap().clone();
        settled.into_iter().map(|settlement| settlement.outcome).collect()
    }

    pub(crate) fn settlements(&self) -> Vec<Settlement> {
        self.settled.borrow().clone()
    }

    /// Waits until so many dots were marked.
    pub(crate) async fn marks(&self, count: u32) {
        let mut marked = self.marked.subscribe();
        let enough = marked.wait_for(|marked| *marked >= count);
        timeout(PATIENCE, enough).await.unwrap().unwrap();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.lock().unwrap().len()
    }
}

impl Outbox for MemoryOutbox {
    async fn claim(&self, _: NodeId, lane: Lane, mut room: Room) -> Result<Vec<Job>, OutboxError> {
        let mut waiting = self.waiting.lock().unwrap();
        let (mut claimed, mut left) = (Vec::new(), VecDeque::new());
        for job in waiting.drain(..) {
            let edition = match &job.path {
                Path::Shared(_) => Edition::Cloud,
                Path::Own(_) => Edition::OnPremises,
            };
            if job.lane == lane && room.of_tenant(job.lease.tenant, edition) > 0 {
                room.take(job.lease.tenant, edition, 1);
                claimed.push(job);
            } else {
                left.push_back(job);
            }
        }
        *waiting = left;
        Ok(claimed)
    }

    async fn mark(&self, _: Lease) -> Result<Fence, OutboxError> {
        self.marked.send_modify(|marked| *marked += 1);
        match self.on_mark {
            OnMark::Answer(fence) => Ok(fence),
            OnMark::Panic => panic!("the mark panics, as the test wants it"),
        }
    }

    async fn unmark(&self, _: Lease) -> Result<(), OutboxError> {
        Ok(())
    }

    async fn settle(&self, settlement: Settlement) -> Result<Settled, OutboxError> {
        let failing = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if failing.is_ok() {
            return Err(OutboxError::Unavailable("down".into()));
        }
        self.settled.send_modify(|settled| settled.push(settlement));
        Ok(Settled::Yes)
    }

    async fn heartbeat(&self, _: NodeId, _: &[Lease]) -> Result<(), OutboxError> {
        self.heartbeats.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn sweep(&self) -> Result<(), OutboxError> {
        Ok(())
    }

    async fn wait(&self, _: NodeId, _: Lane, _: Room) -> Result<Vec<Job>, OutboxError> {
        self.news.notified().await;
        Ok(Vec::new())
    }
}
