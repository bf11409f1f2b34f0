//! One lane's claims: as many deliveries as there are free places, as soon as there may be some.
//!
//! A claim is never cancelled: what it has leased would lie there until the lease runs out.

use std::{sync::Arc, time::Duration};

use domain::{
    message::kind::Lane,
    outbox::{Job, Outbox, OutboxError, Path, Room},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{desk::Desk, streak::pause};
use crate::transport::Capacity;

/// How long a lane waits for a word of new work before it looks by itself: retries fall due without one.
const POLL: Duration = Duration::from_secs(1);

/// The claiming side of one lane.
#[derive(Debug)]
pub(super) struct Claims<'a, O> {
    desk: &'a Arc<Desk<O>>,
    lane: Lane,
    places: Arc<Semaphore>,
    jobs: &'a TaskTracker,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Claim: there may be something due.
    Claim,
    /// Wait: nothing else is due now.
    Wait,
}

/// What mail a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    /// Everybody's.
    All,
    /// That of the shared relay.
    Relay,
}

impl<'a, O: Outbox> Claims<'a, O> {
    pub(super) fn new(desk: &'a Arc<Desk<O>>, lane: Lane, places: usize, jobs: &'a TaskTracker) -> Self {
        Self {
            desk,
            lane,
            places: Arc::new(Semaphore::new(places)),
            jobs,
        }
    }

    /// Claims until `shutdown`, twice over: while what the one is handed is on its way to disk, the other waits for more. The
    /// other does so for the shared relay alone, and only while all is well, so that what is measured out is measured out
    /// once.
    pub(super) async fn run(self, shutdown: &CancellationToken) {
        tokio::join!(
            self.claim_on(Share::All, shutdown),
            self.claim_on(Share::Relay, shutdown)
        );
    }

    async fn claim_on(&self, share: Share, shutdown: &CancellationToken) {
        let mut failures = 0;
        let mut next = Next::Claim;
        while let Some(Some(free)) = shutdown.run_until_cancelled(self.free_places()).await {
            let found = match next {
                Next::Claim => self.claim(share, free).await,
                Next::Wait => match shutdown.run_until_cancelled(self.wait(share, free)).await {
                    Some(found) => found,
                    None => return,
                },
            };
            if let Some(found) = found {
                failures = 0;
                next = found;
            } else {
                failures += 1;
                next = Next::Claim;
                shutdown.run_until_cancelled(sleep(pause(failures))).await;
            }
        }
    }

    /// What so many places are worth claiming for, and when to ask again. What rests gets nothing, and one delivery when it is
    /// to be tried again: more would only be put back, and a long queue would be rewritten for nothing.
    fn room(&self, share: Share, most: usize) -> (Room, Instant) {
        let transports = &self.desk.transports;
        let mut ask_again = Instant::now() + POLL;
        let shared = match transports.shared_capacity() {
            Capacity::Free => most,
            Capacity::One => usize::from(share == Share::All),
            Capacity::None { until } => {
                ask_again = ask_again.min(until);
                0
            }
        };
        if share == Share::Relay {
            let room = Room {
                shared,
                own: 0,
                ..Room::of(most)
            };
            return (room, ask_again);
        }
        let own = self.desk.in_hand.most(self.lane);
        let mut less = self.desk.in_hand.left(self.lane);
        for tenant in transports.tried_again() {
            let left = less.entry(tenant).or_insert(1);
            *left = 1.min(*left);
        }
        for blocked in transports.blocked_tenants(self.lane) {
            ask_again = ask_again.min(blocked.until);
            less.insert(blocked.tenant, 0);
        }
        let room = Room {
            most,
            shared,
            own,
            less,
        };
        (room, ask_again)
    }

    /// All free places, one at least; none only if the semaphore were closed, which it never is.
    async fn free_places(&self) -> Option<OwnedSemaphorePermit> {
        let mut free = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let others = u32::try_from(self.places.available_permits()).unwrap_or(u32::MAX);
        if let Ok(others) = Arc::clone(&self.places).try_acquire_many_owned(others) {
            free.merge(others);
        }
        Some(free)
    }

    async fn claim(&self, share: Share, free: OwnedSemaphorePermit) -> Option<Next> {
        let most = free.num_permits();
        let (room, _) = self.room(share, most);
        let claimed = self.desk.outbox.claim(self.desk.node, self.lane, room).await;
        let claimed = self.heard(claimed)?;
        let next = if claimed.len() < most { Next::Wait } else { Next::Claim };
        self.start(claimed, free);
        Some(next)
    }

    /// Waits for mail that comes in, or for more room, a while at most: what falls due by time comes without a word.
    async fn wait(&self, share: Share, free: OwnedSemaphorePermit) -> Option<Next> {
        let health_changed = self.desk.transports.health_changed();
        let room_made = self.desk.in_hand.room_made();
        let (room, ask_again) = self.room(share, free.num_permits());
        let handed = tokio::select! {
            biased;
            handed = self.desk.outbox.wait(self.desk.node, self.lane, room) => handed,
            () = health_changed => return Some(Next::Claim),
            () = room_made => return Some(Next::Claim),
            () = sleep_until(ask_again) => return Some(Next::Claim),
        };
        let handed = self.heard(handed)?;
        let next = if handed.is_empty() { Next::Claim } else { Next::Wait };
        self.start(handed, free);
        Some(next)
    }

    fn heard(&self, answer: Result<Vec<Job>, OutboxError>) -> Option<Vec<Job>> {
        match answer {
            Ok(jobs) => {
                self.desk.calls.claim.succeeded();
                Some(jobs)
            }
            Err(error) => {
                self.desk.calls.claim.failed(&error);
                None
            }
        }
    }

    fn start(&self, jobs: Vec<Job>, mut free: OwnedSemaphorePermit) {
        for job in jobs {
            let place = free.split(1);
            let desk = Arc::clone(self.desk);
            let in_hand = match &job.path {
                Path::Shared(_) => None,
                Path::Own(_) => Some(desk.in_hand.begin(self.lane, job.lease.tenant)),
            };
            self.jobs
                .spawn(async move { desk.see_through(job, (place, in_hand)).await });
        }
    }
}
