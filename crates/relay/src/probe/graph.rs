//! A test through Microsoft Graph: the mailer's own steps, told as a test tells them.
//!
//! The words of the dictionary are the mailer's. It knows a few causes more than clients do; those are called by the code
//! that asks the same of its reader.

use domain::{connection::O365, message::kind::Kind, secret::ExposeSecret};

use super::{
    Prober, Report, Test,
    hints::firewall,
    report::{Failure, FailureCode, Step, StepName, StepStatus},
    smtp::unsendable,
    teller::Teller,
};
use crate::{
    redact::Redactor,
    transport::o365::{self, Ended, Failed, Fault, Form, Observer, StepReport, Who},
};

/// Characters of a line of the conversation, and of a step's detail.
const LINE: usize = 600;
const WAY: &str = "Microsoft Graph (O365)";

/// Tells what the mailer shows.
struct Onlooker<'a> {
    teller: &'a mut Teller,
    redactor: Redactor,
    steps: Vec<Step>,
    transcript: Vec<String>,
}

impl Observer for Onlooker<'_> {
    fn ended(&mut self, report: StepReport) {
        let step = Step {
            name: name_of(report.step),
            status: match report.ended {
                Ended::Ok => StepStatus::Ok,
                Ended::Warning => StepStatus::Warning,
                Ended::Failed => StepStatus::Failed,
            },
            took: report.took,
            detail: self.redactor.shown(&report.detail, LINE),
        };
        self.teller.tell(&step);
        self.steps.push(step);
    }

    fn said(&mut self, line: String) {
        self.transcript.push(self.redactor.shown(&line, LINE));
    }
}

impl Prober {
    pub(super) async fn over_graph(&self, test: &Test, via: &O365, teller: &mut Teller) -> Report {
        let mail = match self.composer.compose(&test.job(&self.provider, WAY)) {
            Ok(mail) => mail,
            Err(error) => {
                return unsendable(
                    test,
                    (&StepName::O365, StepName::Send),
                    &format!("The mail cannot be made: {error}."),
                );
            }
        };
        let mut redactor = Redactor::default();
        redactor.hide(via.application.client_secret.expose_secret());
        let mut onlooker = Onlooker {
            teller,
            redactor,
            steps: Vec::new(),
            transcript: Vec::new(),
        };
        let sent = self
            .mailer
            .try_out(via, &mail, Form::of(Kind::System), &mut onlooker)
            .await;
        let Onlooker {
            mut steps, transcript, ..
        } = onlooker;
        for name in StepName::O365 {
            if steps.iter().all(|step| step.name != name) {
                steps.push(Step::skipped(name, "Not reached."));
            }
        }
        Report {
            failure: sent.err().map(|failed| self.blame(&failed)),
            message_id: test.message_id(),
            tls: None,
            steps,
            transcript,
        }
    }

    fn blame(&self, failed: &Failed) -> Failure {
        let meaning = failed.meaning();
        // An answer that is not understood came through all the same: no firewall kept it.
        let is_answered = matches!(failed.fault, Fault::Garbled(_));
        let code = if is_answered {
            FailureCode::ConnectionClosed
        } else {
            code_of(meaning.code)
        };
        let about_firewalls = if code.may_be_a_firewall() && !is_answered {
            firewall(&self.executable)
        } else {
            String::new()
        };
        Failure {
            step: name_of(failed.step),
            code,
            hint: format!("{}{about_firewalls} {}", meaning.hint, call(meaning.who)),
        }
    }
}

const fn name_of(step: o365::Step) -> StepName {
    match step {
        o365::Step::Secret => StepName::Secret,
        o365::Step::Token => StepName::Token,
        o365::Step::Permission => StepName::Permission,
        o365::Step::Send => StepName::Send,
    }
}

const fn code_of(code: o365::FailureCode) -> FailureCode {
    use o365::FailureCode as Code;
    match code {
        Code::SecretIncomplete => FailureCode::SecretIncomplete,
        Code::ClientSecretInvalid => FailureCode::ClientSecretInvalid,
        Code::ClientSecretExpired => FailureCode::ClientSecretExpired,
        Code::ApplicationNotFound => FailureCode::ApplicationNotFound,
        Code::DirectoryNotFound => FailureCode::DirectoryNotFound,
        Code::AuthenticationFailed => FailureCode::AuthenticationFailed,
        Code::PermissionMissing => FailureCode::PermissionMissing,
        Code::MailboxNotFound => FailureCode::MailboxNotFound,
        Code::SendAsDenied => FailureCode::SendAsDenied,
        Code::SenderRejected => FailureCode::SenderRejected,
        Code::RecipientRejected => FailureCode::RecipientRejected,
        Code::MessageRejected | Code::NotSent => FailureCode::MessageRejected,
        // Both ask to come again later.
        Code::Throttled | Code::ServiceUnavailable => FailureCode::Throttled,
        Code::BlockedAddress => FailureCode::BlockedAddress,
        Code::DnsNotFound => FailureCode::DnsNotFound,
        Code::ConnectionRefused => FailureCode::ConnectionRefused,
        // No answer came, however much was said.
        Code::ConnectionTimeout | Code::OutcomeUnknown => FailureCode::ConnectionTimeout,
        // Somebody else than Microsoft was on the line, and it was given up.
        Code::ConnectionClosed | Code::ProtocolViolation => FailureCode::ConnectionClosed,
        Code::TlsCertificateInvalid => FailureCode::TlsCertificateInvalid,
        Code::TlsHandshakeFailed => FailureCode::TlsHandshakeFailed,
    }
}

const fn call(who: Who) -> &'static str {
    match who {
        Who::Settings => "You can mend this in the email settings, or in the secret that they name.",
        Who::Directory => "An administrator of the Microsoft Entra directory has to act.",
        Who::Exchange => "An administrator of Exchange Online has to act.",
        Who::Network => "Whoever runs this service and its network has to act.",
        Who::Author => "Check the recipient.",
        Who::Nobody => "Nobody has to act.",
    }
}
