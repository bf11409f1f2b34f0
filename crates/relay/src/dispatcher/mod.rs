//! Takes due deliveries out of the outbox and sees each through to a settled outcome.
//!
//! Every lane has places of its own, so that no amount of notifications keeps a sign-in code waiting. Claims are made only
//! when there is a place to work on them: what is not claimed can be taken by another process. A claimed delivery is always
//! settled, whatever happens, because the heartbeat keeps its lease alive as long as this process lives.

use std::{sync::Arc, time::Duration};

use domain::{
    branding::Provider,
    ids::NodeId,
    message::kind::Lane,
    outbox::{HEARTBEAT, Outbox, SWEEP},
};
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod claims;
mod desk;
mod held;
mod mark;
mod own;
mod streak;
mod upkeep;

pub use crate::places::Places;

use claims::Claims;
use desk::Desk;

use crate::{
    compose::{ComposeError, Composer},
    gate::Gate,
    metrics::Metrics,
    session::{Dialer, Timeouts},
    transport::{
        RouteHealth, Transports,
        o365::{Endpoints, Mailer},
    },
};

/// How long what is in flight may take once the end is asked for.
const DRAIN_WITHIN: Duration = Duration::from_secs(30);
/// How long the outcomes of what was cut off may take to be settled.
const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// What a relay process has to know.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// The provider, as recipients and servers see it.
    pub provider: Provider,
    /// Where connections may go.
    pub gate: Gate,
    /// How long each stage of a session may take.
    pub timeouts: Timeouts,
    /// Deliveries at once, by lane.
    pub places: Places,
    /// Where Microsoft is.
    pub o365: Endpoints,
}

impl RelaySettings {
    /// The settings of production.
    #[must_use]
    pub fn new(provider: Provider, gate: Gate) -> Self {
        Self {
            provider,
            gate,
            timeouts: Timeouts::default(),
            places: Places::default(),
            o365: Endpoints::of_microsoft(),
        }
    }
}

/// The relay's loop over one outbox.
#[derive(Debug)]
pub struct Dispatcher<O> {
    desk: Arc<Desk<O>>,
    places: Places,
}

impl<O: Outbox> Dispatcher<O> {
    /// A dispatcher that works as `node`; `metrics` is a clone of what the process registers.
    ///
    /// # Errors
    /// [`ComposeError`] where the templates or the provider's settings make composing impossible: stop the start.
    pub fn new(outbox: Arc<O>, settings: RelaySettings, node: NodeId, metrics: Metrics) -> Result<Self, ComposeError> {
        let mailer = Mailer::new(settings.gate.clone(), settings.o365, settings.timeouts);
        let dialer = Dialer::new(settings.gate, settings.timeouts, &settings.provider.relay_domain);
        let transports = Transports::new(dialer, metrics.clone())
            .within(settings.places)
            .through(mailer);
        let composer = Composer::new(settings.provider)?;
        Ok(Self {
            desk: Arc::new(Desk::new(
                outbox,
                node,
                composer,
                (transports, settings.places),
                metrics,
            )),
            places: settings.places,
        })
    }

    /// The health of the routes as this process sees it; the handle outlives the dispatcher.
    #[must_use]
    pub fn route_health(&self) -> RouteHealth {
        self.desk.transports.route_health()
    }

    /// Works until `shutdown`, then finishes what is in flight, 30 s at most, gives the rest back and closes every session.
    ///
    /// Dropping the future instead gives everything in flight back at once.
    pub async fn run(self, shutdown: CancellationToken) {
        let _cuts_when_dropped = self.desk.cut.clone().drop_guard();
        tokio::select! {
            () = self.work(&shutdown) => {}
            // Renews leases until the last delivery is settled.
            () = self.keep_up() => {}
            () = too_late(&shutdown) => tracing::warn!("the store did not answer; leases in flight are left to run out"),
        }
        self.desk.abandoned.cancel();
        self.desk.transports.close().await;
    }

    async fn work(&self, shutdown: &CancellationToken) {
        // A process that never said that it lives would have its claims taken away.
        let alive = shutdown.run_until_cancelled(self.desk.beat_until_heard()).await;
        let jobs = TaskTracker::new();
        if alive.is_some() {
            tokio::join!(
                self.claims(Lane::Urgent, &jobs).run(shutdown),
                self.claims(Lane::Interactive, &jobs).run(shutdown),
                self.claims(Lane::Background, &jobs).run(shutdown),
            );
        }
        self.drain(&jobs).await;
    }

    fn claims<'a>(&'a self, lane: Lane, jobs: &'a TaskTracker) -> Claims<'a, O> {
        Claims::new(&self.desk, lane, self.places.of(lane), jobs)
    }

    async fn drain(&self, jobs: &TaskTracker) {
        jobs.close();
        if timeout(DRAIN_WITHIN, jobs.wait()).await.is_err() {
            tracing::warn!(deliveries = jobs.len(), "cutting off what is still in flight");
            self.desk.cut.cancel();
            // Whatever cannot be settled by then is found by the sweep of another process.
            drop(timeout(SETTLE_WITHIN, jobs.wait()).await);
        }
    }

    async fn keep_up(&self) {
        tokio::join!(self.desk.beat(HEARTBEAT), self.desk.sweep(SWEEP));
    }
}

/// Past every bound that a shutdown has: the store hangs.
async fn too_late(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    sleep(DRAIN_WITHIN + SETTLE_WITHIN * 2).await;
}
