//! What can be wrong with a ledger.

use std::fmt;

use domain::message::state::DeliveryStatus;

use crate::book::Millis;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    /// It was accepted, and the store does not have it.
    Lost { delivery: String },
    /// The store calls it sent, and the sink never took it.
    NeverArrived { delivery: String },
    /// One idempotency key made several messages.
    SecondMessage { number: u64, messages: usize },
    /// Nobody asked for it.
    Stranger { message: String },
    /// The sink took what the store does not have.
    UnknownMail { delivery: String },
    /// It still waits though everything else has come to rest.
    NotFinal { delivery: String, status: DeliveryStatus },
    /// It ended in a way that nothing in the script accounts for.
    WithoutReason { delivery: String, status: DeliveryStatus },
    /// The store says that it did not go, without ever having been in doubt; the sink has it.
    Denied { delivery: String, status: DeliveryStatus },
    /// The sink took it more often than there were doubts.
    OverTheBound {
        delivery: String,
        copies: usize,
        doubts: usize,
    },
    /// The sink took it twice, answered the first, and nothing happened in between.
    Unexplained { delivery: String },
    /// It arrived after its end.
    TooLate { delivery: String, late: Millis },
    /// It arrived after what replaced it was answered 202.
    Replaced { delivery: String, late: Millis },
    /// It was superseded, and by nothing newer.
    Orphaned { message: String },
    /// A node that woke up past its lease wrote its dot.
    AfterLease { delivery: String, node: String },
    /// The processes count other possible duplicates than the sink saw.
    Miscounted { counted: usize, repeats: usize },
    /// Something took longer than promised.
    Slow {
        what: &'static str,
        took: Millis,
        limit: Millis,
    },
    /// The service did not do what the fault demands of it.
    Behaviour(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { delivery } => write!(f, "lost: {delivery} was accepted and is not in the store"),
            Self::NeverArrived { delivery } => write!(f, "lost: {delivery} is sent and never reached the sink"),
            Self::SecondMessage { number, messages } => {
                write!(
                    f,
                    "submission {number} made {messages} messages under one idempotency key"
                )
            }
            Self::Stranger { message } => write!(f, "nobody asked for the message {message}"),
            Self::UnknownMail { delivery } => write!(f, "the sink took {delivery}, which the store does not have"),
            Self::NotFinal { delivery, status } => write!(f, "{delivery} is still {}", status.as_str()),
            Self::WithoutReason { delivery, status } => write!(f, "{delivery} is {} without a reason", status.as_str()),
            Self::Denied { delivery, status } => {
                write!(
                    f,
                    "{delivery} is {}, was never in doubt, and reached the sink",
                    status.as_str()
                )
            }
            Self::OverTheBound {
                delivery,
                copies,
                doubts,
            } => {
                write!(f, "{delivery} reached the sink {copies} times with {doubts} doubts")
            }
            Self::Unexplained { delivery } => write!(f, "{delivery} was sent twice without a fault in between"),
            Self::TooLate { delivery, late } => write!(f, "{delivery} arrived {late} ms after its end"),
            Self::Replaced { delivery, late } => write!(f, "{delivery} arrived {late} ms after it was replaced"),
            Self::Orphaned { message } => write!(f, "{message} was superseded by nothing newer"),
            Self::AfterLease { delivery, node } => write!(f, "{node} woke up past its lease and sent {delivery}"),
            Self::Miscounted { counted, repeats } => write!(
                f,
                "the metric counts {counted} possible duplicates, the ledger {repeats}"
            ),
            Self::Slow { what, took, limit } => write!(f, "{what} took {took} ms, more than {limit} ms"),
            Self::Behaviour(what) => f.write_str(what),
        }
    }
}
