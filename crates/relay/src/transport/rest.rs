//! What becomes of mail whose server is not asked: it goes back as it was, until the server is asked again.
//!
//! Nothing was tried, so nothing is counted; a sign-in code is due again the moment the breaker lets somebody through.

use domain::{
    message::HeldBy,
    outbox::{AttemptReport, Outcome},
    reply::Stage,
};
use tokio::time::Instant;

use super::{Attempted, Way};
use crate::pool::{LOOK_AGAIN_SOON, Resting};

/// The one of two that is worth asking again first.
pub(super) fn sooner<'a>(known: Option<(Resting, Way<'a>)>, other: (Resting, Way<'a>)) -> (Resting, Way<'a>) {
    let when = |resting: &Resting| resting.until.unwrap_or_else(|| Instant::now() + LOOK_AGAIN_SOON);
    match known {
        Some(known) if when(&known.0) <= when(&other.0) => known,
        Some(_) | None => other,
    }
}

/// Puts a delivery back until its server is asked again.
pub(super) fn put_back(resting: &Resting, way: Way<'_>, started: Instant) -> Attempted {
    let why = resting.error.as_deref().unwrap_or("it is being tried");
    held(
        resting.until,
        format!("Not tried: the server rests after failures ({why})."),
        way,
        started,
    )
}

/// Puts a delivery back whose server has as much in hand as it may have.
pub(super) fn busy(way: Way<'_>, started: Instant) -> Attempted {
    let why = "Not tried: the server has as many deliveries in hand as one server may have.";
    held(None, why.to_owned(), way, started)
}

fn held(until: Option<Instant>, why: String, way: Way<'_>, started: Instant) -> Attempted {
    let outcome = Outcome::Held {
        by: HeldBy::ServerUnavailable,
        retry_in: until.map_or(LOOK_AGAIN_SOON, |until| until.saturating_duration_since(Instant::now())),
    };
    let report = AttemptReport {
        error: Some(why),
        ..way.report(Stage::Connect, started)
    };
    Attempted::Ended(outcome, Some(report))
}
