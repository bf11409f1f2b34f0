//! How much this process saw sent in the last minute, by the second: for the overview, without looking at a row.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Seconds that are remembered.
const SECONDS: usize = 60;

/// Counts by the second.
pub(crate) struct Lately {
    began: Instant,
    seconds: Mutex<[(u64, u64); SECONDS]>,
}

impl Default for Lately {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            seconds: Mutex::new([(u64::MAX, 0); SECONDS]),
        }
    }
}

impl Lately {
    /// So many were sent now.
    pub(super) fn sent(&self, count: usize) {
        self.add(self.began.elapsed(), u64::try_from(count).unwrap_or_default());
    }

    /// What was sent in the last minute.
    pub(crate) fn last_minute(&self) -> u64 {
        self.up_to(self.began.elapsed())
    }

    fn add(&self, at: Duration, count: u64) {
        let second = at.as_secs();
        let place = usize::try_from(second % SECONDS as u64).unwrap_or_default();
        let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, sum)) = seconds.get_mut(place) {
            if *known != second {
                (*known, *sum) = (second, 0);
            }
            *sum += count;
        }
    }

    fn up_to(&self, at: Duration) -> u64 {
        let now = at.as_secs();
        let seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |(second, _): &&(u64, u64)| *second <= now && now - *second < SECONDS as u64;
        seconds.iter().filter(recent).map(|(_, sum)| sum).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_counted_and_no_more() {
        let lately = Lately::default();
        let at = Duration::from_secs;
        lately.add(at(1), 5);
        lately.add(at(30), 2);
        lately.add(at(30), 1);
        assert_eq!(lately.up_to(at(30)), 8);
        assert_eq!(lately.up_to(at(60)), 8);
        assert_eq!(lately.up_to(at(61)), 3);
        lately.add(at(61), 1);
        assert_eq!(lately.up_to(at(61)), 4);
        assert_eq!(lately.up_to(at(500)), 0);
    }
}
