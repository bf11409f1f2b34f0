//! SMTP: over the shared relay's routes, with failover, or over a tenant's own server.
//!
//! A message goes to the next route only while it is certain that the one before did not take it, and only for what is the
//! route's own fault. All of that happens within one attempt: with several routes a sign-in code does not wait for a retry.

use std::sync::Arc;

use domain::{
    connection::{Route, SmtpServer},
    outbox::{AttemptReport, Job, Outcome},
    reply::{Reply, Stage},
};
use tokio::time::Instant;

use super::{
    Attempted, Transports, Way, held_without_route,
    order::{Fitness, order},
    rest::{busy, put_back, sooner},
    verdict::{Consequence, Decision, RouteFault, bearing, consequence, outcome, outcome_without_route},
};
use crate::{
    compose::WireMessage,
    pool::{Bearing, Condition, Entry, Origin, Pass, Place, Resting, ServerPool},
    session::{DotMark, Failed, SessionFailure},
};

/// What a session that ended well says: the reply to the dot, and the TLS version.
struct Accepted {
    reply: Reply,
    tls_version: Option<String>,
}

/// Why a server did not take a message.
enum Setback {
    /// It was not asked.
    Resting(Resting),
    Failed(Failed),
}

impl Transports {
    pub(super) async fn over_routes(
        &self,
        job: &Job,
        routes: &[Route],
        mail: &WireMessage,
        mark: &impl DotMark,
    ) -> Attempted {
        self.pools.saw(routes);
        let started = Instant::now();
        let mut worst: Option<(RouteFault, AttemptReport)> = None;
        let mut rests: Option<(Resting, Way<'_>)> = None;
        for route in self.in_order(routes) {
            let way = Way::Route(route);
            let failed = match send(&self.pools.of(route), job, mail, mark).await {
                Ok(accepted) => return sent(&accepted, way, started),
                Err(Setback::Failed(failed)) => failed,
                Err(Setback::Resting(resting)) => {
                    rests = Some(sooner(rests, (resting, way)));
                    continue;
                }
            };
            let report = report(&failed, way, started);
            let fault = match consequence(&failed) {
                Consequence::Elsewhere(fault) => fault,
                Consequence::Decided(decision) => return decided(decision, report, job),
                Consequence::Fenced => return Attempted::Fenced,
            };
            // The first of equals says best what is wrong.
            if worst.as_ref().is_none_or(|(known, _)| *known < fault) {
                worst = Some((fault, report));
            }
        }
        match (worst, rests) {
            (None, None) => held_without_route(),
            (None, Some((resting, way))) => put_back(&resting, way, started),
            // What rests may recover, and is worth waiting for.
            (Some((_, report)), Some(_)) => out_of_routes(RouteFault::Failing, report, job),
            (Some((fault, report)), None) => out_of_routes(fault, report, job),
        }
    }

    pub(super) async fn over_own_server(
        &self,
        job: &Job,
        server: &SmtpServer,
        mail: &WireMessage,
        mark: &impl DotMark,
    ) -> Attempted {
        let started = Instant::now();
        let way = Way::Own(&server.host);
        let pool = self.pools.of_tenant(job.lease.tenant, server);
        let Some(_room) = pool.entrance().begin(job.lane) else {
            return busy(way, started);
        };
        let failed = match send(&pool, job, mail, mark).await {
            Ok(accepted) => return sent(&accepted, way, started),
            Err(Setback::Failed(failed)) => failed,
            Err(Setback::Resting(resting)) => return put_back(&resting, way, started),
        };
        let report = report(&failed, way, started);
        match consequence(&failed) {
            Consequence::Elsewhere(fault) => out_of_routes(fault, report, job),
            Consequence::Decided(decision) => decided(decision, report, job),
            Consequence::Fenced => Attempted::Fenced,
        }
    }

    /// The routes in the order to try them in. While one of them works no message has to find out whether another does
    /// again; that is tried aside.
    fn in_order<'a>(&self, routes: &'a [Route]) -> Vec<&'a Route> {
        let condition = |route: &Route| self.pools.of(route).entrance().breaker().health().condition;
        let fitness = |route: &Route| match condition(route) {
            Condition::Closed => Fitness::Well,
            Condition::HalfOpen | Condition::Open => Fitness::Resting,
        };
        let ordered = order(routes, fitness, rand::random);
        if ordered.iter().any(|route| fitness(route) == Fitness::Well) {
            for route in &ordered {
                if condition(route) == Condition::HalfOpen {
                    self.probe_aside(route);
                }
            }
        }
        ordered
    }

    /// Opens a session without a message, to see whether the route works again.
    fn probe_aside(&self, route: &Route) {
        let pool = self.pools.of(route);
        let Some(Entry { place, pass }) = pool.entrance().enter_idly() else {
            return;
        };
        self.pools.spawn(async move {
            match pool.open(place).await {
                Ok(taken) => {
                    pass.opened();
                    pool.give_back(taken);
                }
                Err(failed) => conclude(pass, &failed),
            }
        });
    }
}

/// Sends one message over a pool, and tells its breaker how that went.
async fn send(pool: &Arc<ServerPool>, job: &Job, mail: &WireMessage, mark: &impl DotMark) -> Result<Accepted, Setback> {
    let Entry { place, pass } = pool.entrance().enter(job.lane).await.map_err(Setback::Resting)?;
    match send_pooled(pool, place, &pass, (mail, mark)).await {
        Ok(accepted) => {
            pass.conclude(Bearing::Well, String::new);
            Ok(accepted)
        }
        Err(failed) => {
            conclude(pass, &failed);
            Err(Setback::Failed(failed))
        }
    }
}

fn conclude(pass: Pass, failed: &Failed) {
    if let Some(bearing) = bearing(failed) {
        pass.conclude(bearing, || described(failed));
    }
}

async fn send_pooled(
    pool: &ServerPool,
    place: Place,
    pass: &Pass,
    (mail, mark): (&WireMessage, &impl DotMark),
) -> Result<Accepted, Failed> {
    let mut taken = pool.take(place).await?;
    pass.opened();
    let mut result = taken.session.send(mail, mark).await;
    if let (Origin::Kept, Err(failed)) = (taken.origin, &result)
        && was_dead(failed)
    {
        taken = pool.replace(taken).await?;
        result = taken.session.send(mail, mark).await;
    }
    let tls_version = taken.session.tls_version();
    pool.give_back(taken);
    Ok(Accepted {
        reply: result?,
        tls_version,
    })
}

/// The failure in one line, for the overview.
fn described(failed: &Failed) -> String {
    let stage = failed.stage.as_str();
    match failed.reply() {
        Some(reply) => format!("{stage}: {} {}", reply.code, reply.text),
        None => format!("{stage}: {}", failed.failure),
    }
}

/// Whether a kept session ended while nobody used it: nothing of the message was heard.
fn was_dead(failed: &Failed) -> bool {
    let is_leaving = failed.reply().is_some_and(|reply| reply.code == 421);
    let is_gone = failed.failure == SessionFailure::ConnectionClosed;
    failed.stage == Stage::MailFrom && (is_leaving || is_gone)
}

fn decided(decision: Decision, report: AttemptReport, job: &Job) -> Attempted {
    let outcome = outcome(decision, job.lane, job.attempt, rand::random());
    Attempted::Ended(outcome, Some(report))
}

fn out_of_routes(fault: RouteFault, report: AttemptReport, job: &Job) -> Attempted {
    let outcome = outcome_without_route(fault, job.lane, job.attempt, rand::random());
    Attempted::Ended(outcome, Some(report))
}

fn sent(accepted: &Accepted, way: Way<'_>, started: Instant) -> Attempted {
    let report = AttemptReport {
        reply: Some(accepted.reply.clone()),
        tls_version: accepted.tls_version.clone(),
        ..way.report(Stage::Dot, started)
    };
    Attempted::Ended(Outcome::Sent, Some(report))
}

fn report(failed: &Failed, way: Way<'_>, started: Instant) -> AttemptReport {
    let said_by_reply = matches!(failed.failure, SessionFailure::Refused(_));
    AttemptReport {
        reply: failed.reply().cloned(),
        error: (!said_by_reply).then(|| failed.failure.to_string()),
        tls_version: failed.tls_version.clone(),
        ..way.report(failed.stage, started)
    }
}
