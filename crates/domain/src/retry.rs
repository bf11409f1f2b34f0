//! When to try again: by lane, so that a code is tried within seconds and a notification does not hammer.

use std::time::Duration;

use crate::{message::kind::Lane, reply::Patience};

/// What greylisting servers ask for (RFC 6647 §4.1 suggests minutes).
pub const GREYLIST_DELAY: Duration = Duration::from_mins(5);
/// How far a delay is spread, in percent of itself, so that retries of one outage do not come together.
pub const JITTER_PERCENT: u32 = 20;

/// The delays of a lane, in seconds; the last one repeats until the delivery expires.
const fn schedule(lane: Lane) -> &'static [u64] {
    match lane {
        Lane::Urgent => &[5, 15, 30, 60, 120],
        Lane::Interactive => &[60, 300, 900, 3600],
        Lane::Background => &[60, 300, 900, 1800, 3600],
    }
}

/// How long to wait after failed attempt number `attempt` (from 1).
///
/// `spread` is a random number in 0.0–1.0 that the caller draws; 0.5 is the schedule itself.
#[must_use]
pub fn delay(lane: Lane, attempt: u32, patience: Patience, spread: f64) -> Duration {
    let steps = schedule(lane);
    let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = steps.get(index).or(steps.last()).copied().unwrap_or(60);
    let base = match patience {
        Patience::Schedule => Duration::from_secs(seconds),
        Patience::Greylisted => Duration::from_secs(seconds).max(GREYLIST_DELAY),
    };
    let factor = 1.0 + (spread.clamp(0.0, 1.0) * 2.0 - 1.0) * f64::from(JITTER_PERCENT) / 100.0;
    base.mul_f64(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedules_are_those_of_the_design_and_the_last_step_repeats() {
        let seconds = |lane| {
            (1..=7)
                .map(|n| delay(lane, n, Patience::Schedule, 0.5).as_secs())
                .collect::<Vec<_>>()
        };
        assert_eq!(seconds(Lane::Urgent), [5, 15, 30, 60, 120, 120, 120]);
        assert_eq!(seconds(Lane::Interactive), [60, 300, 900, 3600, 3600, 3600, 3600]);
        assert_eq!(seconds(Lane::Background), [60, 300, 900, 1800, 3600, 3600, 3600]);
    }

    #[test]
    fn jitter_stays_within_a_fifth_and_greylisting_waits_at_least_five_minutes() {
        assert_eq!(delay(Lane::Urgent, 4, Patience::Schedule, 0.0), Duration::from_secs(48));
        assert_eq!(delay(Lane::Urgent, 4, Patience::Schedule, 1.0), Duration::from_secs(72));
        assert_eq!(delay(Lane::Interactive, 1, Patience::Greylisted, 0.5), GREYLIST_DELAY);
        assert_eq!(
            delay(Lane::Background, 9, Patience::Greylisted, 0.5),
            Duration::from_hours(1)
        );
    }
}
