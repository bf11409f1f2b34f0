//! Why a mail did not go out through Graph, in variants one can act on.

use domain::reply::Reply;

use super::{
    dictionary::{self, FailureCode, Meaning},
    refusal::Refusal,
    steps::Step,
};
use crate::{
    gate::{GateError, http::HttpError},
    session::NotSent,
};

/// A failure and the step it ended.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}: {fault}", step.as_str())]
pub struct Failed {
    /// How far it came.
    pub step: Step,
    /// What happened.
    pub fault: Fault,
    /// Whether the whole request was out.
    pub reach: Reach,
}

/// Whether Microsoft may have the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The end of the request stayed here.
    Held,
    /// The whole request is out.
    Out,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The application's entry in the vault lacks its secret.
    #[error("The client secret is empty.")]
    SecretIncomplete,
    /// There was no answer.
    #[error("Microsoft's service: {0}.")]
    NoAnswer(HttpError),
    /// The answer was no.
    #[error("Microsoft refused.")]
    Refused(Refusal),
    /// The answer is none that is documented; the text says how.
    #[error("Microsoft's answer cannot be understood: {0}.")]
    Garbled(&'static str),
    /// The request is over what Graph takes.
    #[error("The message is larger than Microsoft Graph takes (4 MB as it is sent).")]
    TooLarge,
    /// The message cannot be put into a request.
    #[error("The message cannot be sent: {0}.")]
    Unfit(String),
    /// The end of the request was held back.
    #[error("{0}")]
    NotSent(NotSent),
}

impl Failed {
    pub(super) const fn held(step: Step, fault: Fault) -> Self {
        Self {
            step,
            fault,
            reach: Reach::Held,
        }
    }

    /// What Microsoft said, where it is what failed.
    #[must_use]
    pub fn reply(&self) -> Option<Reply> {
        match &self.fault {
            Fault::Refused(refusal) => Some(refusal.reply()),
            Fault::SecretIncomplete
            | Fault::NoAnswer(_)
            | Fault::Garbled(_)
            | Fault::TooLarge
            | Fault::Unfit(_)
            | Fault::NotSent(_) => None,
        }
    }

    /// What it means, in a code and in words, and who can mend it.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        match &self.fault {
            Fault::Refused(refusal) => self.meaning_of(refusal),
            Fault::SecretIncomplete => dictionary::of_code(FailureCode::SecretIncomplete),
            Fault::NoAnswer(_) | Fault::Garbled(_) if self.reach == Reach::Out => {
                dictionary::of_code(FailureCode::OutcomeUnknown)
            }
            Fault::NoAnswer(error) => dictionary::of_code(code_of(error)),
            Fault::Garbled(_) => dictionary::of_code(FailureCode::ProtocolViolation),
            Fault::TooLarge | Fault::Unfit(_) => dictionary::of_code(FailureCode::MessageRejected),
            Fault::NotSent(_) => dictionary::of_code(FailureCode::NotSent),
        }
    }

    fn meaning_of(&self, refusal: &Refusal) -> Meaning {
        let meaning = dictionary::meaning(self.step, refusal);
        // A gateway's doubt is none while the end of the request is here.
        match (meaning.code, self.reach) {
            (FailureCode::OutcomeUnknown, Reach::Held) => dictionary::of_code(FailureCode::ServiceUnavailable),
            (_, _) => meaning,
        }
    }

    /// Whether it is worth another try at once with another token.
    pub(super) fn is_for_the_token(&self) -> bool {
        match &self.fault {
            Fault::Refused(refusal) => self.step == Step::Send && refusal.status == 401,
            Fault::SecretIncomplete
            | Fault::NoAnswer(_)
            | Fault::Garbled(_)
            | Fault::TooLarge
            | Fault::Unfit(_)
            | Fault::NotSent(_) => false,
        }
    }

    /// Whether the connection was lost before the request was out, as a kept one is that the far end has closed meanwhile.
    pub(super) fn was_dead(&self) -> bool {
        self.step == Step::Send && self.reach == Reach::Held && self.fault == Fault::NoAnswer(HttpError::Closed)
    }
}

const fn code_of(error: &HttpError) -> FailureCode {
    match error {
        HttpError::Gate(GateError::Blocked) => FailureCode::BlockedAddress,
        HttpError::Gate(GateError::NotFound) => FailureCode::DnsNotFound,
        HttpError::Gate(GateError::Refused) => FailureCode::ConnectionRefused,
        HttpError::Gate(GateError::TimedOut | GateError::Unreachable) | HttpError::TimedOut => {
            FailureCode::ConnectionTimeout
        }
        HttpError::Closed => FailureCode::ConnectionClosed,
        HttpError::Certificate(_) => FailureCode::TlsCertificateInvalid,
        HttpError::Handshake(_) | HttpError::Setup(_) => FailureCode::TlsHandshakeFailed,
        HttpError::TooLong | HttpError::NotHttp | HttpError::Address => FailureCode::ProtocolViolation,
    }
}
