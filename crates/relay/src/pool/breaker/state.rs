//! When a server is left alone, as a rule without a clock: the instants are passed in.
//!
//! Three failures in a row open the breaker, a wrong setting opens it at once. Each opening in a row lasts twice as long as
//! the one before. When its time is over, one attempt is let through, and what becomes of that one decides for all.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open the breaker: one may be chance, and one message has paid for it.
const FAILURES_TO_OPEN: u32 = 3;
/// The longest opening: a server that is back is found within this.
const LONGEST_REST: Duration = Duration::from_mins(5);
/// How far a rest is spread, as a part of itself, so that processes do not ask a server in step.
const SPREAD: f64 = 0.2;

/// Whether a server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// It is.
    Closed,
    /// One attempt is let through, or under way.
    HalfOpen,
    /// It is not, for a while.
    Open,
}

impl Condition {
    /// The value as metrics and answers show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// What an attempt says of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// It works.
    Well,
    /// It fails for now.
    Failing,
    /// It has said itself for how long it wants to be left alone.
    Busy(Duration),
    /// We are set up wrongly for it; asking again soon would be hammering.
    Misconfigured,
}

/// What an attempt was let through as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// One of many.
    Free,
    /// The one whose end decides.
    Probe,
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    As(Role),
    /// Not before this; none where a probe is under way.
    Not(Option<Instant>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Closed,
    Open { until: Instant },
    Probed,
}

/// One breaker.
#[derive(Debug)]
pub(super) struct State {
    position: Position,
    failures: u32,
    /// Openings since it last worked.
    openings: u32,
    first_rest: Duration,
}

impl State {
    /// A closed one whose first opening will last so long.
    pub(super) const fn new(first_rest: Duration) -> Self {
        Self {
            first_rest,
            position: Position::Closed,
            failures: 0,
            openings: 0,
        }
    }

    pub(super) fn condition(&self, now: Instant) -> Condition {
        match self.position {
            Position::Closed => Condition::Closed,
            Position::Open { until } if now < until => Condition::Open,
            Position::Open { .. } | Position::Probed => Condition::HalfOpen,
        }
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Until when it is open, also where that time is over and no attempt has come yet.
    pub(super) const fn open_until(&self) -> Option<Instant> {
        match self.position {
            Position::Open { until } => Some(until),
            Position::Closed | Position::Probed => None,
        }
    }

    /// What [`State::admit`] would answer.
    pub(super) fn preview(&self, now: Instant) -> Admission {
        match self.position {
            Position::Closed => Admission::As(Role::Free),
            Position::Open { until } if now < until => Admission::Not(Some(until)),
            Position::Open { .. } => Admission::As(Role::Probe),
            Position::Probed => Admission::Not(None),
        }
    }

    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        let admission = self.preview(now);
        if admission == Admission::As(Role::Probe) {
            self.position = Position::Probed;
        }
        admission
    }

    /// The probe has a session: others may follow, but the next failure opens again at once.
    pub(super) const fn probe_opened(&mut self) {
        if matches!(self.position, Position::Probed) {
            self.position = Position::Closed;
            self.failures = FAILURES_TO_OPEN - 1;
        }
    }

    /// The probe ended without saying anything of the server: another one may follow at once.
    pub(super) const fn probe_ended(&mut self, now: Instant) {
        if matches!(self.position, Position::Probed) {
            self.position = Position::Open { until: now };
        }
    }

    /// Takes an attempt's end into account; `spread` is a random number in 0.0–1.0.
    pub(super) fn conclude(&mut self, role: Role, bearing: Bearing, now: Instant, spread: f64) {
        if bearing == Bearing::Well {
            *self = Self::new(self.first_rest);
            return;
        }
        // Attempts begun before it opened end late; only the probe speaks of now.
        let counts = match self.position {
            Position::Closed => true,
            Position::Open { .. } => false,
            Position::Probed => role == Role::Probe,
        };
        if !counts {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Bearing::Busy(wait) = bearing {
            self.openings = self.openings.saturating_add(1);
            self.position = Position::Open { until: now + wait };
            return;
        }
        let enough = self.failures >= FAILURES_TO_OPEN;
        if enough || bearing == Bearing::Misconfigured || self.position == Position::Probed {
            self.open(now, spread);
        }
    }

    fn open(&mut self, now: Instant, spread: f64) {
        let until = now + rest(self.first_rest, self.openings, spread);
        self.openings = self.openings.saturating_add(1);
        self.position = Position::Open { until };
    }
}

/// How long the next opening lasts, after so many in a row.
fn rest(first: Duration, openings: u32, spread: f64) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(openings));
    let factor = 1.0 + (spread.clamp(0.0, 1.0) * 2.0 - 1.0) * SPREAD;
    doubled.min(LONGEST_REST).mul_f64(factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST_REST: Duration = Duration::from_secs(5);

    /// A breaker that has just opened for the first time, and until when.
    fn opened(now: Instant) -> (State, Instant) {
        let mut state = State::new(FIRST_REST);
        for _ in 0..FAILURES_TO_OPEN {
            state.conclude(Role::Free, Bearing::Failing, now, 0.5);
        }
        let until = state.open_until().unwrap();
        (state, until)
    }

    #[test]
    fn three_failures_in_a_row_open_and_a_success_between_them_starts_over() {
        let (mut state, now) = (State::new(FIRST_REST), Instant::now());
        for bearing in [
            Bearing::Failing,
            Bearing::Failing,
            Bearing::Well,
            Bearing::Failing,
            Bearing::Failing,
        ] {
            state.conclude(Role::Free, bearing, now, 0.5);
            assert_eq!(state.condition(now), Condition::Closed);
        }
        state.conclude(Role::Free, Bearing::Failing, now, 0.5);
        assert_eq!(state.condition(now), Condition::Open);
        assert_eq!(state.open_until(), Some(now + FIRST_REST));
    }

    #[test]
    fn a_wrong_setting_opens_at_once() {
        let (mut state, now) = (State::new(FIRST_REST), Instant::now());
        state.conclude(Role::Free, Bearing::Misconfigured, now, 0.5);
        assert_eq!(state.condition(now), Condition::Open);
    }

    #[test]
    fn after_its_rest_one_attempt_is_let_through_and_no_second() {
        let (mut state, until) = opened(Instant::now());
        assert_eq!(
            state.admit(until - Duration::from_millis(1)),
            Admission::Not(Some(until))
        );
        assert_eq!(state.condition(until), Condition::HalfOpen);
        assert_eq!(state.admit(until), Admission::As(Role::Probe));
        assert_eq!(state.admit(until), Admission::Not(None));
        state.probe_ended(until);
        assert_eq!(state.admit(until), Admission::As(Role::Probe));
    }

    #[test]
    fn a_probe_that_works_closes_and_forgets() {
        let (mut state, until) = opened(Instant::now());
        state.admit(until);
        state.conclude(Role::Probe, Bearing::Well, until, 0.5);
        assert_eq!((state.condition(until), state.failures()), (Condition::Closed, 0));
        assert_eq!(opened(until).1, until + FIRST_REST);
    }

    #[test]
    fn a_probe_with_a_session_lets_others_follow_until_the_next_failure() {
        let (mut state, until) = opened(Instant::now());
        state.admit(until);
        state.probe_opened();
        assert_eq!(state.admit(until), Admission::As(Role::Free));
        state.conclude(Role::Free, Bearing::Failing, until, 0.5);
        assert_eq!(state.open_until(), Some(until + FIRST_REST * 2));
    }

    #[test]
    fn rests_double_up_to_five_minutes() {
        let seconds: Vec<_> = (0..8)
            .map(|openings| rest(FIRST_REST, openings, 0.5).as_secs())
            .collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(rest(FIRST_REST, u32::MAX, 0.5), LONGEST_REST);
    }

    #[test]
    fn what_was_begun_before_it_opened_does_not_prolong_the_rest() {
        let now = Instant::now();
        let (mut state, until) = opened(now);
        state.conclude(Role::Free, Bearing::Failing, now, 0.5);
        state.conclude(Role::Free, Bearing::Misconfigured, now, 0.5);
        assert_eq!(state.open_until(), Some(until));
    }

    #[test]
    fn what_was_begun_before_it_opened_does_not_decide_for_the_probe() {
        let (mut state, until) = opened(Instant::now());
        state.admit(until);
        state.conclude(Role::Free, Bearing::Failing, until, 0.5);
        assert_eq!(state.admit(until), Admission::Not(None));
        state.conclude(Role::Probe, Bearing::Failing, until, 0.5);
        assert_eq!(state.condition(until), Condition::Open);
    }

    #[test]
    fn a_server_that_says_how_long_rests_so_long_and_then_shows_itself() {
        let (mut state, now) = (State::new(FIRST_REST), Instant::now());
        let wait = Duration::from_mins(20);
        state.conclude(Role::Free, Bearing::Busy(wait), now, 0.5);
        assert_eq!(state.open_until(), Some(now + wait));
        assert_eq!(state.admit(now + wait), Admission::As(Role::Probe));
        state.conclude(Role::Probe, Bearing::Well, now + wait, 0.5);
        assert_eq!(state.condition(now + wait), Condition::Closed);
    }

    proptest! {
        #[test]
        fn a_rest_is_spread_by_a_fifth_at_most(openings in 0_u32..100, spread in 0.0_f64..=1.0) {
            let (drawn, middle) = (rest(FIRST_REST, openings, spread).as_secs_f64(), rest(FIRST_REST, openings, 0.5).as_secs_f64());
            prop_assert!((drawn - middle).abs() <= middle * SPREAD + 1e-6);
        }
    }
}
