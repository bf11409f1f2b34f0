//! One lane's claims: as many deliveries as there are free places, as soon as there may be some.
//!
//! A claim is never cancelled: what it has leased would lie there until the lease runs out.

use std::{sync::Arc, time::Duration};

use domain::{message::kind::Lane, outbox::Outbox};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{desk::Desk, streak::pause};

/// How long a lane waits for a word of new work before it looks by itself: retries fall due without one.
const POLL: Duration = Duration::from_secs(1);

/// The claiming side of one lane.
#[derive(Debug)]
pub(super) struct Claims<'a, O> {
    desk: &'a Arc<Desk<O>>,
    lane: Lane,
    places: Arc<Semaphore>,
    wake: &'a Notify,
    jobs: &'a TaskTracker,
}

/// What a round of claiming found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// As much as there were places: there may be more.
    Plenty,
    /// Less: nothing else is due now.
    Everything,
}

impl<'a, O: Outbox> Claims<'a, O> {
    pub(super) fn new(
        desk: &'a Arc<Desk<O>>,
        lane: Lane,
        places: usize,
        wake: &'a Notify,
        jobs: &'a TaskTracker,
    ) -> Self {
        Self {
            desk,
            lane,
            places: Arc::new(Semaphore::new(places)),
            wake,
            jobs,
        }
    }

    pub(super) async fn run(self, shutdown: &CancellationToken) {
        let mut failures = 0;
        while let Some(Some(free)) = shutdown.run_until_cancelled(self.free_places()).await {
            match self.claim(free).await {
                Some(Found::Plenty) => failures = 0,
                Some(Found::Everything) => {
                    failures = 0;
                    shutdown.run_until_cancelled(self.something_to_do()).await;
                }
                None => {
                    failures += 1;
                    shutdown.run_until_cancelled(sleep(pause(failures))).await;
                }
            }
        }
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

    async fn claim(&self, mut free: OwnedSemaphorePermit) -> Option<Found> {
        let most = free.num_permits();
        let claimed = match self.desk.outbox.claim(self.desk.node, self.lane, most).await {
            Ok(claimed) => claimed,
            Err(error) => {
                self.desk.calls.claim.failed(&error);
                return None;
            }
        };
        self.desk.calls.claim.succeeded();
        let found = if claimed.len() < most {
            Found::Everything
        } else {
            Found::Plenty
        };
        for job in claimed {
            let place = free.split(1);
            let desk = Arc::clone(self.desk);
            self.jobs.spawn(async move {
                desk.see_through(job).await;
                drop(place);
            });
        }
        Some(found)
    }

    async fn something_to_do(&self) {
        tokio::select! {
            () = self.wake.notified() => {}
            () = sleep(POLL) => {}
        }
    }
}
