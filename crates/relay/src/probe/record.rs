//! From what is seen of a session to the steps and the conversation of a test.
//!
//! A step ends when the next one begins, so each can be told at once. Their order in time is not always that of the answer:
//! with implicit TLS the handshake comes before the greeting.

use std::{net::SocketAddr, time::Duration};

use chrono::TimeDelta;
use domain::{
    clock::Timestamp,
    connection::{Host, Proof, Security, SmtpServer},
    reply::Stage,
    secret::ExposeSecret,
};
use tokio::time::Instant;

use super::{
    certificate::Certificate,
    hints::Reader,
    report::{Step, StepName, StepStatus, TlsSeen},
    teller::Teller,
};
use crate::{
    redact::Redactor,
    session::Failed,
    sight::{CertificateFault, Sight},
    stream::WireReply,
};

/// Characters of a line of the conversation.
const LINE: usize = 300;
/// Lines of the conversation; an honest server has a tenth of it.
const LINES: usize = 300;
/// Characters of a server's own words within a sentence of ours.
const WORDS: usize = 200;
/// Days before its end from which a certificate is worth a warning.
const NEAR_END: TimeDelta = TimeDelta::days(30);
/// Microsoft's servers for authenticated submission.
const MICROSOFT: [&str; 2] = ["smtp.office365.com", "smtp-legacy.office365.com"];

/// One session as it is seen.
pub(super) struct Record<'a> {
    server: &'a SmtpServer,
    now: Timestamp,
    reader: Reader,
    redactor: Redactor,
    current: Option<(StepName, Instant)>,
    /// In the order in which they ended.
    pub(super) steps: Vec<Step>,
    pub(super) transcript: Vec<String>,
    pub(super) seen: Seen,
}

/// What the sentences are made of.
#[derive(Default)]
pub(super) struct Seen {
    addresses: Vec<SocketAddr>,
    certificate: Option<Certificate>,
    pub(super) fault: Option<CertificateFault>,
    tls_version: Option<String>,
    /// The last reply in one line, fit to be shown.
    words: Option<String>,
}

impl Seen {
    /// Whether the server's certificate is signed by itself alone.
    pub(super) fn is_self_signed(&self) -> bool {
        self.certificate
            .as_ref()
            .is_some_and(|certificate| certificate.is_self_signed)
    }

    /// Who signed the certificate, as it says.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.certificate.as_ref()?.issuer.as_deref()
    }

    pub(super) fn tls(&self) -> Option<TlsSeen> {
        Some(TlsSeen {
            version: self.tls_version.clone()?,
            certificate_until: self.certificate.as_ref().map(|certificate| certificate.not_after),
        })
    }
}

impl<'a> Record<'a> {
    pub(super) fn of(server: &'a SmtpServer, now: Timestamp, reader: Reader) -> Self {
        let mut redactor = Redactor::default();
        if let Some(credentials) = &server.credentials {
            let (Proof::Password(secret) | Proof::AccessToken(secret)) = &credentials.proof;
            redactor.hide(secret.expose_secret());
        }
        Self {
            server,
            now,
            reader,
            redactor,
            current: None,
            steps: Vec::new(),
            transcript: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// Takes in what was seen; a step that ends by it is told.
    pub(super) fn note(&mut self, sight: Sight, teller: &mut Teller) {
        match sight {
            Sight::Entered(stage, at) => self.enter(step_of(stage), at, teller),
            Sight::Resolved(addresses) => self.seen.addresses = addresses,
            Sight::Said(line) => self.write("C", &line),
            Sight::Heard(reply) => self.hear(&reply),
            Sight::Presented(der, fault) => {
                self.seen.certificate = Certificate::read(&der).map(|certificate| Certificate {
                    issuer: certificate.issuer.map(|name| self.redactor.shown(&name, WORDS)),
                    ..certificate
                });
                self.seen.fault = fault;
            }
            Sight::Secured(version) => self.seen.tls_version = version,
        }
    }

    /// Ends the last step well.
    pub(super) fn finish(&mut self, teller: &mut Teller) {
        self.close(Instant::now(), teller);
    }

    /// Ends the step under way as the one that failed, and says of all others that they were not reached. They are not told:
    /// another route may yet do better.
    pub(super) fn fail(&mut self, failed: &Failed) {
        let took = self.current.take().map_or(Duration::ZERO, |(_, since)| since.elapsed());
        let detail = match (failed.reply(), &self.seen.words) {
            (Some(_), Some(words)) => format!("The server refused: {words}"),
            (Some(_) | None, _) => self.redactor.shown(&failed.failure.to_string(), WORDS * 3),
        };
        self.steps.push(Step {
            took,
            ..Step::failed(step_of(failed.stage), detail)
        });
        for name in order(self.server.security) {
            self.pass_over(name, "Not reached.");
        }
    }

    fn enter(&mut self, name: StepName, at: Instant, teller: &mut Teller) {
        if self.current.is_some_and(|(current, _)| current == name) {
            return;
        }
        self.close(at, teller);
        let before: Vec<_> = order(self.server.security)
            .into_iter()
            .take_while(|step| *step != name)
            .collect();
        for name in before {
            self.leave_out(name, teller);
        }
        self.current = Some((name, at));
    }

    fn close(&mut self, at: Instant, teller: &mut Teller) {
        let Some((name, since)) = self.current.take() else {
            return;
        };
        let (status, detail) = self.told_of(name);
        let step = Step {
            name,
            status,
            took: at.saturating_duration_since(since),
            detail,
        };
        teller.tell(&step);
        self.steps.push(step);
    }

    /// A step that the session had no need of.
    fn leave_out(&mut self, name: StepName, teller: &mut Teller) {
        if self.steps.iter().any(|step| step.name == name) {
            return;
        }
        let was_greeted = self.steps.iter().any(|step| step.name == StepName::Greeting);
        let step = match name {
            StepName::Tls if was_greeted => Step {
                name,
                status: StepStatus::Warning,
                took: Duration::ZERO,
                detail:
                    "The mail travels in clear text: anybody on the way can read and change it. Choose starttls or \
                         implicit_tls."
                        .to_owned(),
            },
            StepName::Authenticate => Step::skipped(name, "No user name is set, so there is nothing to prove."),
            StepName::Resolve
            | StepName::Connect
            | StepName::Greeting
            | StepName::Tls
            | StepName::MailFrom
            | StepName::RcptTo
            | StepName::Data
            | StepName::Secret
            | StepName::Token
            | StepName::Permission
            | StepName::Send => Step::skipped(name, "Not needed."),
        };
        teller.tell(&step);
        self.steps.push(step);
    }

    fn pass_over(&mut self, name: StepName, why: &str) {
        if self.steps.iter().all(|step| step.name != name) {
            self.steps.push(Step::skipped(name, why));
        }
    }

    fn told_of(&self, name: StepName) -> (StepStatus, String) {
        let ok = |detail: &str| (StepStatus::Ok, detail.to_owned());
        match name {
            StepName::Resolve => (StepStatus::Ok, self.told_of_addresses()),
            StepName::Connect => (StepStatus::Ok, format!("Connected to port {}.", self.server.port)),
            StepName::Greeting => ok("The server greeted and said what it can do."),
            StepName::Tls => self.told_of_tls(),
            StepName::Authenticate => self.told_of_credentials(),
            StepName::MailFrom => ok("The server accepts the sender."),
            StepName::RcptTo => ok("The server accepts the recipient."),
            StepName::Data => {
                let words = self.seen.words.as_deref().unwrap_or_default();
                (StepStatus::Ok, format!("The server took the message: {words}"))
            }
            StepName::Secret | StepName::Token | StepName::Permission | StepName::Send => ok("Done."),
        }
    }

    fn told_of_addresses(&self) -> String {
        if self.reader == Reader::Tenant {
            return "The shared relay's server was found.".to_owned();
        }
        let shown: Vec<_> = self
            .seen
            .addresses
            .iter()
            .map(|address| address.ip().to_string())
            .collect();
        match (&self.server.host, shown.as_slice()) {
            (Host::Address(_), _) => "The server is given by its address.".to_owned(),
            (Host::Name(_), [one]) => format!("The name leads to {one}."),
            (Host::Name(_), [first, rest @ ..]) => format!("The name leads to {first} and {} more.", rest.len()),
            (Host::Name(_), []) => "The name was found.".to_owned(),
        }
    }

    fn told_of_tls(&self) -> (StepStatus, String) {
        let version = self.seen.tls_version.as_deref().unwrap_or("TLS");
        let Some(certificate) = &self.seen.certificate else {
            return (StepStatus::Ok, format!("{version}; the certificate was verified."));
        };
        let until = certificate.not_after.format("%Y-%m-%d");
        let left = certificate.not_after.signed_duration_since(self.now);
        if left > NEAR_END {
            return (
                StepStatus::Ok,
                format!("{version}; the certificate was verified and is good until {until}."),
            );
        }
        let days = left.num_days().max(0);
        (
            StepStatus::Warning,
            format!(
                "{version}; the certificate was verified, but it runs out on {until}, in {days} days: the mail server's \
                 administrator should renew it."
            ),
        )
    }

    fn told_of_credentials(&self) -> (StepStatus, String) {
        let is_microsofts = match &self.server.host {
            Host::Name(name) => MICROSOFT.contains(&name.as_str()),
            Host::Address(_) => false,
        };
        let proof = self.server.credentials.as_ref().map(|credentials| &credentials.proof);
        match proof {
            Some(Proof::Password(_)) if is_microsofts => (
                StepStatus::Warning,
                "The server accepts the password, but Microsoft switches passwords over SMTP (basic authentication) off by \
                 default at the end of December 2026: choose the O365 send method before."
                    .to_owned(),
            ),
            Some(Proof::Password(_)) => (StepStatus::Ok, "The server accepts user name and password.".to_owned()),
            Some(Proof::AccessToken(_)) | None => (StepStatus::Ok, "The server accepts the access token.".to_owned()),
        }
    }

    fn hear(&mut self, reply: &WireReply) {
        let last = reply.lines.len().saturating_sub(1);
        for (at, line) in reply.lines.iter().enumerate() {
            let mark = if at == last { ' ' } else { '-' };
            self.write("S", &format!("{}{mark}{line}", reply.code));
        }
        let words = format!("{} {}", reply.code, reply.lines.join(" "));
        self.seen.words = Some(self.redactor.shown(words.trim(), WORDS));
    }

    fn write(&mut self, who: &str, line: &str) {
        if self.transcript.len() < LINES {
            let line = self.redactor.shown(line, LINE);
            self.transcript.push(format!("{who}: {}", line.trim_end()));
        }
    }
}

/// The steps in the order in which a session takes them.
fn order(security: Security) -> [StepName; 8] {
    let mut order = StepName::SMTP;
    if security == Security::ImplicitTls {
        // The handshake comes before the greeting.
        order.swap(2, 3);
    }
    order
}

/// The step that a stage belongs to.
pub(super) const fn step_of(stage: Stage) -> StepName {
    match stage {
        Stage::Resolve => StepName::Resolve,
        Stage::Connect => StepName::Connect,
        Stage::Greeting => StepName::Greeting,
        Stage::Tls => StepName::Tls,
        Stage::Authenticate => StepName::Authenticate,
        Stage::MailFrom => StepName::MailFrom,
        Stage::RcptTo => StepName::RcptTo,
        Stage::Data | Stage::Dot => StepName::Data,
    }
}

#[cfg(test)]
mod tests;
