//! What a failed session means for the delivery: whose fault it was, and so who pays for it.
//!
//! The stage decides. Up to MAIL only the route or its configuration can be at fault, and another route may do better. From
//! RCPT on a refusal speaks of the recipient or the message, and asking elsewhere would only be asking twice. Behind the dot
//! nothing but a plain answer counts.

use domain::{
    message::{HeldBy, kind::Lane},
    outbox::Outcome,
    reply::{Patience, Stage, Suppress, Verdict, classify},
    retry,
};

use super::LOOK_AGAIN;
use crate::{
    pool::Bearing,
    session::{Failed, NotSent, SessionFailure},
};

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consequence {
    /// Nothing was accepted and the message is not to blame: another route may take it.
    Elsewhere(RouteFault),
    /// It is decided.
    Decided(Decision),
    /// Somebody else has decided.
    Fenced,
}

/// Why a route did not do. The greatest of several decides what becomes of the delivery: while one route may recover,
/// waiting is worth it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RouteFault {
    /// The server lacks an extension that this message needs.
    Lacking,
    /// The route's settings are wrong.
    Misconfigured,
    /// It fails for now.
    Failing,
}

/// An end of the attempt that no other route would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Deferred(Patience),
    Bounced(Suppress),
    Unknown,
    /// Nothing happened to the message; it goes back as it was.
    Released,
}

/// Judges a failed session.
pub(super) fn consequence(failed: &Failed) -> Consequence {
    match &failed.failure {
        SessionFailure::Refused(reply) => match classify(failed.stage, reply) {
            Verdict::RouteDeferred => Consequence::Elsewhere(RouteFault::Failing),
            Verdict::Misconfigured => Consequence::Elsewhere(RouteFault::Misconfigured),
            Verdict::Deferred(patience) => Consequence::Decided(Decision::Deferred(patience)),
            Verdict::Bounced(suppress) => Consequence::Decided(Decision::Bounced(suppress)),
            Verdict::OutcomeUnknown => Consequence::Decided(Decision::Unknown),
        },
        SessionFailure::NotSent(NotSent::LeaseLost | NotSent::Withdrawn) => Consequence::Fenced,
        SessionFailure::NotSent(NotSent::TooLate | NotSent::StoreUnavailable) => {
            Consequence::Decided(Decision::Released)
        }
        SessionFailure::Unfit(_) => Consequence::Decided(Decision::Bounced(Suppress::No)),
        SessionFailure::SmtpUtf8NotOffered | SessionFailure::EightBitMimeNotOffered => {
            Consequence::Elsewhere(RouteFault::Lacking)
        }
        SessionFailure::Blocked
        | SessionFailure::TlsNotOffered
        | SessionFailure::TlsCertificateInvalid(_)
        | SessionFailure::CredentialsNeedTls
        | SessionFailure::AuthenticationNotOffered => Consequence::Elsewhere(RouteFault::Misconfigured),
        SessionFailure::DnsNotFound
        | SessionFailure::ConnectionRefused
        | SessionFailure::Unreachable
        | SessionFailure::ConnectionTimeout
        | SessionFailure::ConnectionClosed
        | SessionFailure::TlsHandshakeFailed(_)
        | SessionFailure::Unexpected(_)
        | SessionFailure::ProtocolViolation(_) => {
            if failed.stage == Stage::Dot {
                Consequence::Decided(Decision::Unknown)
            } else {
                Consequence::Elsewhere(RouteFault::Failing)
            }
        }
    }
}

/// Whether nothing was accepted and another route may do better.
pub(crate) fn is_for_another_route(failed: &Failed) -> bool {
    matches!(consequence(failed), Consequence::Elsewhere(_))
}

/// What a failed session says of the server itself; none where it says nothing.
///
/// Only what comes before the recipient counts: from RCPT on, one tenant's message could keep a route from all others.
pub(super) fn bearing(failed: &Failed) -> Option<Bearing> {
    match (consequence(failed), failed.stage) {
        (Consequence::Elsewhere(RouteFault::Lacking), _) => None,
        (Consequence::Elsewhere(RouteFault::Failing), stage) => (stage <= Stage::MailFrom).then_some(Bearing::Failing),
        (Consequence::Elsewhere(RouteFault::Misconfigured), stage) if stage < Stage::MailFrom => {
            Some(Bearing::Misconfigured)
        }
        // A sender that one tenant may not use says that the route works.
        (Consequence::Elsewhere(RouteFault::Misconfigured) | Consequence::Decided(_) | Consequence::Fenced, _) => {
            (!matches!(failed.failure, SessionFailure::Unfit(_))).then_some(Bearing::Well)
        }
    }
}

/// The outcome once no route is left to ask; `spread` as in [`retry::delay`].
pub(super) fn outcome_without_route(fault: RouteFault, lane: Lane, attempt: u32, spread: f64) -> Outcome {
    match fault {
        RouteFault::Failing => outcome(Decision::Deferred(Patience::Schedule), lane, attempt, spread),
        RouteFault::Misconfigured => Outcome::Held {
            by: HeldBy::Configuration,
            retry_in: LOOK_AGAIN,
        },
        RouteFault::Lacking => outcome(Decision::Bounced(Suppress::No), lane, attempt, spread),
    }
}

/// The outcome of a decision; `spread` as in [`retry::delay`].
pub(super) fn outcome(decision: Decision, lane: Lane, attempt: u32, spread: f64) -> Outcome {
    match decision {
        Decision::Deferred(patience) => Outcome::Deferred {
            retry_in: retry::delay(lane, attempt, patience, spread),
        },
        Decision::Bounced(suppress) => Outcome::Bounced { suppress },
        Decision::Unknown => Outcome::Unknown,
        Decision::Released => Outcome::Released,
    }
}

#[cfg(test)]
mod tests;
