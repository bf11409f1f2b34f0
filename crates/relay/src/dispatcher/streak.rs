//! A store that fails is logged when it begins to fail and when it has recovered, not at every try in between.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use domain::outbox::OutboxError;

/// The first pause; each failure doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause: a store that is back is used again within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Failures in a row of one kind of call.
#[derive(Debug)]
pub(super) struct Streak {
    call: &'static str,
    failures: AtomicU32,
}

impl Streak {
    pub(super) const fn of(call: &'static str) -> Self {
        Self {
            call,
            failures: AtomicU32::new(0),
        }
    }

    pub(super) fn succeeded(&self) {
        let failures = self.failures.swap(0, Ordering::Relaxed);
        if failures > 0 {
            tracing::info!(store.call = self.call, failures, "the store answers again");
        }
    }

    pub(super) fn failed(&self, error: &OutboxError) {
        if self.failures.fetch_add(1, Ordering::Relaxed) == 0 {
            let error: &dyn std::error::Error = error;
            tracing::error!(store.call = self.call, error, "the store failed; trying again");
        }
    }
}

/// How long to wait after so many failures of one caller, from 1.
pub(super) fn pause(failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_two_seconds() {
        let ms: Vec<_> = [1, 2, 3, 6, 7, 1000].map(|failures| pause(failures).as_millis()).into();
        assert_eq!(ms, [50, 100, 200, 1600, 2000, 2000]);
    }
}
