//! What a failure means and what to do about it: a dictionary, as data.
//!
//! The tables say for each fault which code clients see, who has to act, and what to do. Here they are only searched: by the
//! server's reply, by what is wrong with its certificate, or by what became of the connection.

use domain::{connection::SmtpServer, message::envelope::Envelope};

use super::{
    record::{Seen, step_of},
    report::{Failure, FailureCode, StepName},
};
use crate::session::{Failed, SessionFailure};

mod certificates;
mod faults;
mod replies;

/// A line of the dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) code: FailureCode,
    pub(super) who: Who,
    /// Cause and remedy; `{server}`, `{port}`, `{sender}`, `{recipient}` and `{issuer}` stand for those of the test.
    pub(super) text: &'static str,
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Whoever wrote the settings.
    Settings,
    /// The administrator of the mail server.
    Server,
    /// Whoever runs this service and its network.
    Operator,
    /// An administrator of the Microsoft tenant.
    Microsoft,
    /// Whoever chose the recipient, or runs their mail.
    Recipient,
    /// Nobody: it passes.
    Nobody,
}

/// Who reads the answer, which decides what "you" may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// An on-premises tenant, whose own server it is.
    Owner,
    /// A Cloud tenant, for whom the provider's relay sends.
    Tenant,
    /// The provider, who tests a route.
    Operator,
}

/// A failed session and what is known around it.
pub(super) struct Case<'a> {
    pub(super) failed: &'a Failed,
    pub(super) server: &'a SmtpServer,
    pub(super) mail: &'a Envelope,
    pub(super) seen: &'a Seen,
    pub(super) reader: Reader,
    pub(super) executable: &'a str,
}

/// The failure as clients see it.
pub(super) fn explain(case: &Case<'_>) -> Failure {
    let step = step_of(case.failed.stage);
    let advice = advice(case, step);
    let mut hint = String::new();
    if case.reader == Reader::Tenant && step < StepName::MailFrom {
        hint.push_str("Nothing is wrong with your settings: the provider's shared relay does not get through. ");
    }
    hint.push_str(&filled(advice.text, case));
    if advice.code.may_be_a_firewall() {
        hint.push_str(&firewall(case.executable));
    }
    hint.push(' ');
    hint.push_str(call(advice.who, case.reader));
    Failure {
        step,
        code: advice.code,
        hint,
    }
}

fn advice(case: &Case<'_>, step: StepName) -> Advice {
    match (&case.failed.failure, case.failed.reply()) {
        (_, Some(reply)) => replies::advice(step, reply),
        (SessionFailure::TlsCertificateInvalid(_), None) => certificates::advice(case.seen),
        (failure, None) => faults::advice(failure, step, case),
    }
}

/// The seed's words about virus protection, with the program that runs.
pub(super) fn firewall(executable: &str) -> String {
    format!(
        " If virus protection or a firewall is running on this application server, you may need to add a rule that allows \
         {executable} to send mail."
    )
}

fn filled(text: &str, case: &Case<'_>) -> String {
    let server = match case.reader {
        Reader::Owner | Reader::Operator => case.server.host.to_string(),
        Reader::Tenant => "the relay's server".to_owned(),
    };
    let issuer = case
        .seen
        .issuer()
        .map_or_else(String::new, |name| format!(" (\"{name}\")"));
    text.replace("{server}", &server)
        .replace("{issuer}", &issuer)
        .replace("{port}", &case.server.port.to_string())
        .replace("{sender}", &case.mail.reverse_path.to_string())
        .replace("{recipient}", &case.mail.forward_path.to_string())
}

/// Whom the reader has to turn to.
const fn call(who: Who, reader: Reader) -> &'static str {
    match (who, reader) {
        (Who::Settings, Reader::Owner) => "You can mend this in the email settings.",
        (Who::Settings, Reader::Operator) => "You can mend this in the route.",
        (Who::Settings | Who::Server | Who::Operator | Who::Microsoft, Reader::Tenant) => "The provider has to act.",
        (Who::Server, Reader::Owner | Reader::Operator) => "The mail server's administrator has to act.",
        (Who::Operator, Reader::Owner) => "Whoever runs this service has to act.",
        (Who::Operator, Reader::Operator) => "You can mend this in this service's configuration or network.",
        (Who::Microsoft, Reader::Owner | Reader::Operator) => "An administrator of the Microsoft tenant has to act.",
        (Who::Recipient, _) => "Check the recipient, or ask whoever runs the recipient's mail.",
        (Who::Nobody, _) => "Nobody has to act.",
    }
}
