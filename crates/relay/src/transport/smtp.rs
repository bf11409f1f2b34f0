//! SMTP: over the shared relay's routes, with failover, or over a tenant's own server.
//!
//! A message goes to the next route only while it is certain that the one before did not take it, and only for what is the
//! route's own fault. All of that happens within one attempt: with several routes a sign-in code does not wait for a retry.

use std::time::Duration;

use domain::{
    connection::{Route, SmtpServer},
    outbox::{AttemptReport, Job, Outcome},
    reply::{Reply, Stage},
};
use tokio::time::Instant;

use super::{
    Attempted, Transports, Way, held_without_route,
    order::{Health, order},
    verdict::{Consequence, Decision, RouteFault, consequence, outcome, outcome_without_route},
};
use crate::{
    compose::WireMessage,
    pool::{Origin, RoutePool},
    session::{DotMark, Failed, SessionFailure},
};

/// How long a route that failed is asked last.
const FAILING_FOR: Duration = Duration::from_secs(30);

/// What a session that ended well says: the reply to the dot, and the TLS version.
struct Accepted {
    reply: Reply,
    tls_version: Option<String>,
}

impl Transports {
    pub(super) async fn over_routes(
        &self,
        job: &Job,
        routes: &[Route],
        mail: &WireMessage,
        mark: &impl DotMark,
    ) -> Attempted {
        let started = Instant::now();
        let mut worst: Option<(RouteFault, AttemptReport)> = None;
        for route in order(routes, |route| self.health(route), rand::random) {
            let pool = self.pools.of(route);
            let failed = match send_pooled(&pool, job, mail, mark).await {
                Ok(accepted) => return sent(&accepted, Way::Route(route), started),
                Err(failed) => failed,
            };
            let report = report(&failed, Way::Route(route), started);
            let fault = match consequence(&failed) {
                Consequence::Elsewhere(fault) => fault,
                Consequence::Decided(decision) => return decided(decision, report, job),
                Consequence::Fenced => return Attempted::Fenced,
            };
            // A sender that one tenant may not use says nothing of the route.
            if failed.stage < Stage::MailFrom || fault == RouteFault::Failing {
                pool.mark_failing(Instant::now() + FAILING_FOR);
            }
            // The first of equals says best what is wrong.
            if worst.as_ref().is_none_or(|(known, _)| *known < fault) {
                worst = Some((fault, report));
            }
        }
        worst.map_or_else(held_without_route, |(fault, report)| out_of_routes(fault, report, job))
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
        let failed = match self.send_alone(server, mail, mark).await {
            Ok(accepted) => return sent(&accepted, way, started),
            Err(failed) => failed,
        };
        let report = report(&failed, way, started);
        match consequence(&failed) {
            Consequence::Elsewhere(fault) => out_of_routes(fault, report, job),
            Consequence::Decided(decision) => decided(decision, report, job),
            Consequence::Fenced => Attempted::Fenced,
        }
    }

    /// One message over a connection of its own.
    async fn send_alone(
        &self,
        server: &SmtpServer,
        mail: &WireMessage,
        mark: &impl DotMark,
    ) -> Result<Accepted, Failed> {
        let opened = self.dialer.open(server).await;
        self.metrics.connection_tried(match &opened {
            Ok(_) => "opened",
            Err(failed) => failed.failure.as_str(),
        });
        let mut session = opened?;
        let reply = session.send(mail, mark).await?;
        let tls_version = session.tls_version();
        self.pools.dismiss(session);
        Ok(Accepted { reply, tls_version })
    }

    fn health(&self, route: &Route) -> Health {
        if self.pools.of(route).is_failing() {
            Health::Failing
        } else {
            Health::Well
        }
    }
}

async fn send_pooled(pool: &RoutePool, job: &Job, mail: &WireMessage, mark: &impl DotMark) -> Result<Accepted, Failed> {
    let mut taken = pool.take(job.lane).await?;
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
