//! Where one delivery is worked on: composed, attempted, settled, told to the log.
//!
//! Nothing that happens here may leave a delivery unsettled. A panic is an outcome like any other, and a store that does not
//! take the outcome is asked until it does.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use domain::{
    crash::Point,
    ids::NodeId,
    outbox::{AttemptReport, Job, Outbox, Outcome, Settled, Settlement},
    reply::{Patience, Stage, Suppress},
    retry,
};
use futures_util::FutureExt;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    held::Held,
    mark::OutboxMark,
    own::InHand,
    streak::{Streak, pause},
};
use crate::{
    compose::Composer,
    metrics::Metrics,
    places::Places,
    transport::{Attempted, Transports},
};

/// Outcomes that may be on their way to the store at once.
const MOST_UNSETTLED: usize = 1024;

/// What all jobs of a process share.
#[derive(Debug)]
pub(super) struct Desk<O> {
    pub(super) outbox: Arc<O>,
    pub(super) node: NodeId,
    pub(super) transports: Transports,
    pub(super) calls: Calls,
    /// The leases that this process works under.
    pub(super) held: Held,
    /// Outcomes that may be on their way to the store.
    unsettled: Semaphore,
    /// What the tenants' own connections have in hand.
    pub(super) in_hand: Arc<InHand>,
    /// Cancelled when attempts must end now.
    pub(super) cut: CancellationToken,
    /// Cancelled when even settling must end.
    pub(super) abandoned: CancellationToken,
    composer: Composer,
    metrics: Metrics,
}

/// The health of each kind of call to the store.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) claim: Streak,
    pub(super) mark: Streak,
    pub(super) settle: Streak,
    pub(super) heartbeat: Streak,
    pub(super) sweep: Streak,
}

impl<O: Outbox> Desk<O> {
    pub(super) fn new(
        outbox: Arc<O>,
        node: NodeId,
        composer: Composer,
        (transports, places): (Transports, Places),
        metrics: Metrics,
    ) -> Self {
        Self {
            outbox,
            node,
            transports,
            calls: Calls {
                claim: Streak::of("claim"),
                mark: Streak::of("mark"),
                settle: Streak::of("settle"),
                heartbeat: Streak::of("heartbeat"),
                sweep: Streak::of("sweep"),
            },
            held: Held::default(),
            unsettled: Semaphore::new(MOST_UNSETTLED),
            in_hand: Arc::new(InHand::of(places)),
            cut: CancellationToken::new(),
            abandoned: CancellationToken::new(),
            composer,
            metrics,
        }
    }

    /// Attempts one delivery and settles what came of it; `place` is given up in between, for the next one.
    pub(super) async fn see_through(&self, job: Job, place: impl Send) {
        let _counted = self.metrics.in_flight();
        let _held = self.held.hold(job.lease);
        let started = Instant::now();
        let mark = OutboxMark::new(self, job.lease);
        let attempt = AssertUnwindSafe(self.attempt(&job, &mark)).catch_unwind();
        let attempted = match self.cut.run_until_cancelled(attempt).await {
            Some(Ok(attempted)) => attempted,
            Some(Err(_panic)) => panicked(&job, &mark),
            None => cut_off(&mark),
        };
        let took = started.elapsed();
        if job.unknowns > 0 && mark.is_open() {
            self.metrics.possibly_duplicated();
        }
        match attempted {
            Attempted::Fenced => tracing::info!(
                tenant.id = %job.lease.tenant,
                message.id = %job.message,
                delivery.id = %job.lease.delivery,
                "stopped before the dot: the delivery is not this process's any more"
            ),
            Attempted::Ended(outcome, report) => {
                let report = report.map(|report| AttemptReport {
                    duration: took,
                    ..report
                });
                self.metrics.attempt_ended(&outcome, job.lane, took);
                tell(&job, &outcome, report.as_ref(), took);
                let settlement = Settlement {
                    lease: job.lease,
                    node: self.node,
                    message: job.message,
                    lane: job.lane,
                    outcome,
                    report,
                };
                Point::AfterReply.reach();
                // Never closed. While too many outcomes wait for the store, places are kept and no more is attempted.
                let _unsettled = self.unsettled.acquire().await;
                drop(place);
                // Leaving it unsettled is for the sweep of another process to mend.
                self.abandoned.run_until_cancelled(self.settle(settlement)).await;
            }
        }
    }

    async fn attempt(&self, job: &Job, mark: &OutboxMark<'_, O>) -> Attempted {
        match self.composer.compose(job) {
            Ok(mail) => self.transports.attempt(job, &mail, mark).await,
            Err(error) => Attempted::Ended(
                Outcome::Bounced { suppress: Suppress::No },
                Some(untried(format!("The message could not be composed: {error}."))),
            ),
        }
    }

    async fn settle(&self, settlement: Settlement) {
        for failures in 1.. {
            match self.outbox.settle(settlement.clone()).await {
                Ok(settled) => {
                    self.calls.settle.succeeded();
                    if settled == Settled::Fenced {
                        tracing::warn!(delivery.id = %settlement.lease.delivery, "settled too late: the lease was lost");
                    }
                    return;
                }
                Err(error) => self.calls.settle.failed(&error),
            }
            sleep(pause(failures)).await;
        }
    }
}

/// The end of an attempt that ended in a panic: a delay, so that it does not come again at once.
fn panicked<O>(job: &Job, mark: &OutboxMark<'_, O>) -> Attempted {
    tracing::error!(
        tenant.id = %job.lease.tenant,
        message.id = %job.message,
        delivery.id = %job.lease.delivery,
        "an attempt panicked"
    );
    let outcome = if mark.is_open() {
        Outcome::Unknown
    } else {
        Outcome::Deferred {
            retry_in: retry::delay(job.lane, job.attempt, Patience::Schedule, rand::random()),
        }
    };
    Attempted::Ended(
        outcome,
        Some(untried("The attempt failed inside the relay.".to_owned())),
    )
}

/// The end of an attempt that a shutdown cut off.
fn cut_off<O>(mark: &OutboxMark<'_, O>) -> Attempted {
    let outcome = if mark.is_open() {
        Outcome::Unknown
    } else {
        Outcome::Released
    };
    Attempted::Ended(outcome, None)
}

/// A report of an attempt that no server heard of.
const fn untried(error: String) -> AttemptReport {
    AttemptReport {
        route: None,
        server: None,
        stage: Stage::Resolve,
        reply: None,
        error: Some(error),
        tls_version: None,
        duration: Duration::ZERO,
    }
}

fn tell(job: &Job, outcome: &Outcome, report: Option<&AttemptReport>, took: Duration) {
    tracing::info!(
        tenant.id = %job.lease.tenant,
        message.id = %job.message,
        delivery.id = %job.lease.delivery,
        lane = job.lane.as_str(),
        attempt = job.attempt,
        outcome = outcome.as_str(),
        route.name = report.and_then(|report| report.server.as_deref()),
        stage = report.map(|report| report.stage.as_str()),
        reply.code = report.and_then(|report| report.reply.as_ref()).map(|reply| reply.code),
        error = report.and_then(|report| report.error.as_deref()),
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "attempt ended"
    );
}
