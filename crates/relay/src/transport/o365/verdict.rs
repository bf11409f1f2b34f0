//! What a failure at Microsoft means for the mail, for the tenant's other mail, and for how long.

use std::time::Duration;

use domain::{
    outbox::Outcome,
    reply::{Stage, Suppress},
};

use super::{
    dictionary::{self, Effect, FailureCode},
    fault::{Failed, Fault, Reach},
    steps::Step,
};
use crate::{
    gate::{GateError, http::HttpError},
    pool::Bearing,
    session::NotSent,
    transport::verdict::{Consequence, Decision, RouteFault},
};

/// The shortest wait that a server can ask for: "at once" would be a loop.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Judges a failure.
pub(super) fn consequence(failed: &Failed) -> Consequence {
    match &failed.fault {
        Fault::NotSent(NotSent::LeaseLost | NotSent::Withdrawn) => Consequence::Fenced,
        Fault::NotSent(NotSent::TooLate | NotSent::StoreUnavailable) => Consequence::Decided(Decision::Released),
        Fault::SecretIncomplete => Consequence::Elsewhere(RouteFault::Misconfigured),
        Fault::TooLarge | Fault::Unfit(_) => Consequence::Decided(Decision::Bounced(Suppress::No)),
        Fault::NoAnswer(_) | Fault::Garbled(_) if failed.reach == Reach::Out => Consequence::Decided(Decision::Unknown),
        Fault::NoAnswer(error) => Consequence::Elsewhere(fault_of(error)),
        Fault::Garbled(_) => Consequence::Elsewhere(RouteFault::Failing),
        Fault::Refused(refusal) => match dictionary::effect(failed.step, refusal) {
            Effect::Configuration => Consequence::Elsewhere(RouteFault::Misconfigured),
            Effect::Recipient | Effect::Message => Consequence::Decided(Decision::Bounced(Suppress::No)),
            Effect::Doubt if failed.reach == Reach::Out => Consequence::Decided(Decision::Unknown),
            // While the end of the request is here, a gateway's doubt is none.
            Effect::Later | Effect::Doubt => Consequence::Elsewhere(RouteFault::Failing),
        },
    }
}

/// What it says of Microsoft and our settings there; none where it says nothing.
pub(super) fn bearing(failed: &Failed) -> Option<Bearing> {
    match consequence(failed) {
        Consequence::Elsewhere(RouteFault::Misconfigured) => Some(Bearing::Misconfigured),
        Consequence::Elsewhere(RouteFault::Failing | RouteFault::Lacking) => {
            Some(asked_wait(failed).map_or(Bearing::Failing, Bearing::Busy))
        }
        // A gateway's doubt and a silence say that something fails; a clear refusal says that it works.
        Consequence::Decided(Decision::Unknown) => Some(Bearing::Failing),
        Consequence::Decided(Decision::Bounced(_)) if matches!(failed.fault, Fault::Refused(_)) => Some(Bearing::Well),
        Consequence::Decided(_) | Consequence::Fenced => None,
    }
}

/// The outcome where Microsoft itself said when to come again.
pub(super) fn by_its_own_word(failed: &Failed) -> Option<Outcome> {
    let retry_in = asked_wait(failed)?;
    (consequence(failed) == Consequence::Elsewhere(RouteFault::Failing)).then_some(Outcome::Deferred { retry_in })
}

fn asked_wait(failed: &Failed) -> Option<Duration> {
    match &failed.fault {
        Fault::Refused(refusal) => refusal.retry_after.map(|wait| wait.max(SHORTEST_WAIT)),
        Fault::SecretIncomplete
        | Fault::NoAnswer(_)
        | Fault::Garbled(_)
        | Fault::TooLarge
        | Fault::Unfit(_)
        | Fault::NotSent(_) => None,
    }
}

/// The stage of a session that it compares to.
pub(super) fn stage(failed: &Failed) -> Stage {
    if let (Fault::NoAnswer(error), Reach::Held) = (&failed.fault, failed.reach)
        && let Some(stage) = stage_of(error)
    {
        return stage;
    }
    match (failed.step, failed.reach, failed.meaning().code) {
        (Step::Secret | Step::Token | Step::Permission, _, _) => Stage::Authenticate,
        (
            Step::Send,
            _,
            FailureCode::PermissionMissing
            | FailureCode::MailboxNotFound
            | FailureCode::SendAsDenied
            | FailureCode::SenderRejected,
        ) => Stage::MailFrom,
        (Step::Send, _, FailureCode::RecipientRejected) => Stage::RcptTo,
        (Step::Send, Reach::Held, _) => Stage::Data,
        (Step::Send, Reach::Out, _) => Stage::Dot,
    }
}

const fn fault_of(error: &HttpError) -> RouteFault {
    match error {
        HttpError::Gate(GateError::Blocked) | HttpError::Certificate(_) | HttpError::Address | HttpError::Setup(_) => {
            RouteFault::Misconfigured
        }
        HttpError::Gate(GateError::NotFound | GateError::Refused | GateError::TimedOut | GateError::Unreachable)
        | HttpError::Handshake(_)
        | HttpError::Closed
        | HttpError::TimedOut
        | HttpError::TooLong
        | HttpError::NotHttp => RouteFault::Failing,
    }
}

const fn stage_of(error: &HttpError) -> Option<Stage> {
    match error {
        HttpError::Gate(GateError::Blocked | GateError::NotFound) | HttpError::Address => Some(Stage::Resolve),
        HttpError::Gate(GateError::Refused | GateError::TimedOut | GateError::Unreachable) => Some(Stage::Connect),
        HttpError::Certificate(_) | HttpError::Handshake(_) | HttpError::Setup(_) => Some(Stage::Tls),
        HttpError::Closed | HttpError::TimedOut | HttpError::TooLong | HttpError::NotHttp => None,
    }
}
