//! A test over SMTP: one session, watched from its first stage to the answer to its dot.
//!
//! With several routes a test does what mail does: while it is certain that nothing was taken and the route is to blame, the
//! next one is tried. What is reported is the first failure then, or the one that came past the routes.

use std::pin::pin;

use domain::connection::{Route, SmtpServer};

use super::{
    Prober, Report, Test,
    hints::{Case, Reader, explain},
    record::Record,
    report::{Failure, FailureCode, Step, StepName},
    teller::Teller,
};
use crate::{
    compose::WireMessage,
    session::{Failed, Unmarked},
    sight::Watch,
    transport::{Fitness, is_for_another_route, order},
};

const SMTP: (&[StepName], StepName) = (&StepName::SMTP, StepName::Data);

/// What came of one server, and how its session failed, if it did.
struct Tried {
    report: Report,
    failed: Option<Failed>,
}

/// Who reads the answer, and who is told on the way to it.
pub(super) struct Audience<'a> {
    pub(super) reader: Reader,
    pub(super) teller: &'a mut Teller,
}

impl Prober {
    pub(super) async fn over_routes(&self, test: &Test, routes: &[Route], mut audience: Audience<'_>) -> Report {
        let mut first: Option<Report> = None;
        // As for mail, save that a route that rests is tried all the same: a test is there to find out.
        for route in order(routes, |_| Fitness::Well, rand::random) {
            let way = format!("shared relay, route {}", route.name);
            let tried = self.over_server(test, (&route.server, &way), &mut audience).await;
            if tried.failed.as_ref().is_none_or(|failed| !is_for_another_route(failed)) {
                return tried.report;
            }
            first.get_or_insert(tried.report);
        }
        first.unwrap_or_else(|| unsendable(test, SMTP, "There is no route."))
    }

    pub(super) async fn over_own(&self, test: &Test, server: &SmtpServer, mut audience: Audience<'_>) -> Report {
        let way = format!("{}, port {} (SMTP)", server.host, server.port);
        self.over_server(test, (server, &way), &mut audience).await.report
    }

    async fn over_server(&self, test: &Test, (server, way): (&SmtpServer, &str), audience: &mut Audience<'_>) -> Tried {
        let mail = match self.composer.compose(&test.job(&self.provider, way)) {
            Ok(mail) => mail,
            Err(error) => {
                let report = unsendable(test, SMTP, &format!("The mail cannot be made: {error}."));
                return Tried { report, failed: None };
            }
        };
        let mut record = Record::of(server, test.at, audience.reader);
        let outcome = self.watch((server, &mail), &mut record, audience.teller).await;
        let failure = match &outcome {
            Ok(()) => {
                record.finish(audience.teller);
                None
            }
            Err(failed) => {
                record.fail(failed);
                Some(explain(&Case {
                    failed,
                    server,
                    mail: &mail.envelope,
                    seen: &record.seen,
                    reader: audience.reader,
                    executable: &self.executable,
                }))
            }
        };
        let report = Report {
            failure,
            message_id: test.message_id(),
            tls: record.seen.tls(),
            steps: record.steps,
            transcript: record.transcript,
        };
        let failed = outcome.err();
        Tried { report, failed }
    }

    /// Drives the session and takes in what is seen of it, as it happens.
    async fn watch(
        &self,
        (server, mail): (&SmtpServer, &WireMessage),
        record: &mut Record<'_>,
        teller: &mut Teller,
    ) -> Result<(), Failed> {
        let (watch, mut sights) = Watch::begin();
        let mut session = pin!(self.converse(server, mail, watch));
        let outcome = loop {
            tokio::select! {
                biased;
                Some(sight) = sights.recv() => record.note(sight, teller),
                outcome = &mut session => break outcome,
            }
        };
        while let Ok(sight) = sights.try_recv() {
            record.note(sight, teller);
        }
        outcome
    }

    async fn converse(&self, server: &SmtpServer, mail: &WireMessage, watch: Watch) -> Result<(), Failed> {
        let mut session = self.dialer.open_watched(server, watch).await?;
        let outcome = session.send(mail, &Unmarked).await;
        // The answer need not wait for the leave-taking.
        tokio::spawn(async move {
            session.recover().await;
            session.quit().await;
        });
        outcome.map(drop)
    }
}

/// A test that did not come as far as the network: the last of its steps could not be taken.
pub(super) fn unsendable(test: &Test, (steps, last): (&[StepName], StepName), why: &str) -> Report {
    let step = |name| {
        if name == last {
            Step::failed(name, why)
        } else {
            Step::skipped(name, "Not reached.")
        }
    };
    Report {
        steps: steps.iter().copied().map(step).collect(),
        failure: Some(Failure {
            step: last,
            code: FailureCode::MessageRejected,
            hint: why.to_owned(),
        }),
        message_id: test.message_id(),
        transcript: Vec::new(),
        tls: None,
    }
}
