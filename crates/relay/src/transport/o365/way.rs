//! A tenant's mailbox as a way out: its turn, its breaker, and what becomes of the mail.

use std::sync::Arc;

use domain::{
    connection::O365,
    outbox::{AttemptReport, Job, Outcome},
    reply::Stage,
};
use tokio::time::Instant;

use super::{Accepted, Failed, Form, Outgoing, verdict};
use crate::{
    compose::WireMessage,
    pool::{Bearing, Mailbox},
    session::DotMark,
    transport::{
        Attempted, Transports, Way,
        rest::{busy, put_back},
        verdict::{Consequence, outcome, outcome_without_route},
    },
};

impl Transports {
    pub(in crate::transport) async fn over_mailbox(
        &self,
        job: &Job,
        via: &O365,
        mail: &WireMessage,
        mark: &impl DotMark,
    ) -> Attempted {
        let started = Instant::now();
        let way = Way::Graph(via.cloud);
        let mailbox = self.mailbox(job, via);
        let Some(_room) = mailbox.entrance().begin(job.lane) else {
            return busy(way, started);
        };
        let entry = match mailbox.entrance().enter(job.lane).await {
            Ok(entry) => entry,
            Err(resting) => return put_back(&resting, way, started),
        };
        let form = Form::of(job.content.kind());
        let outgoing = Outgoing { via, mail, form };
        let sent = self.mailer.send(job.lease.tenant, outgoing, mark).await;
        let bearing = match &sent {
            Ok(_) => Some(Bearing::Well),
            Err(failed) => verdict::bearing(failed),
        };
        if let Some(bearing) = bearing {
            entry
                .pass
                .conclude(bearing, || sent.as_ref().err().map(described).unwrap_or_default());
        }
        match sent {
            Ok(accepted) => Attempted::Ended(Outcome::Sent, Some(taken(&accepted, way, started))),
            Err(failed) => ended(&failed, job, way, started),
        }
    }

    fn mailbox(&self, job: &Job, via: &O365) -> Arc<Mailbox> {
        let tenant = job.lease.tenant;
        let settings = self.mailer.fingerprint(tenant, via);
        self.pools.of_mailbox(tenant, via.application.client_id, settings)
    }
}

fn ended(failed: &Failed, job: &Job, way: Way<'_>, started: Instant) -> Attempted {
    let spread = rand::random();
    let outcome = match verdict::consequence(failed) {
        Consequence::Fenced => return Attempted::Fenced,
        Consequence::Decided(decision) => outcome(decision, job.lane, job.attempt, spread),
        Consequence::Elsewhere(fault) => verdict::by_its_own_word(failed)
            .unwrap_or_else(|| outcome_without_route(fault, job.lane, job.attempt, spread)),
    };
    let reply = failed.reply();
    let report = AttemptReport {
        error: reply.is_none().then(|| failed.fault.to_string()),
        reply,
        ..way.report(verdict::stage(failed), started)
    };
    Attempted::Ended(outcome, Some(report))
}

fn taken(accepted: &Accepted, way: Way<'_>, started: Instant) -> AttemptReport {
    AttemptReport {
        reply: Some(accepted.reply.clone()),
        ..way.report(Stage::Dot, started)
    }
}

/// The failure in one line, for the overview.
fn described(failed: &Failed) -> String {
    let step = failed.step.as_str();
    match failed.reply() {
        Some(reply) => format!("{step}: {} {}", reply.code, reply.text),
        None => format!("{step}: {}", failed.fault),
    }
}
