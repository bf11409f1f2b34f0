//! What must happen whether or not there is mail: the heartbeat, the sweep, and closing what is not used.

use std::time::Duration;

use domain::outbox::Outbox;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{desk::Desk, streak::pause};

impl<O: Outbox> Desk<O> {
    /// Says that this process lives, as often as it takes to be heard once.
    pub(super) async fn beat_until_heard(&self) {
        for failures in 1.. {
            match self.outbox.heartbeat(self.node, &self.held.leases()).await {
                Ok(()) => return self.calls.heartbeat.succeeded(),
                Err(error) => self.calls.heartbeat.failed(&error),
            }
            sleep(pause(failures)).await;
        }
    }

    /// Renews this process's leases for ever; a beat that failed is tried again at once, since leases run out meanwhile.
    pub(super) async fn beat(&self, every: Duration) {
        loop {
            sleep(every).await;
            self.beat_until_heard().await;
        }
    }

    /// Puts right, for ever, what dead processes left, and closes what this one does not use.
    pub(super) async fn sweep(&self, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.outbox.sweep().await {
                Ok(()) => self.calls.sweep.succeeded(),
                Err(error) => self.calls.sweep.failed(&error),
            }
            self.transports.prune();
        }
    }
}
