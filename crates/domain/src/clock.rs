//! Time, passed in rather than asked for, so that a test can set it.
//!
//! Deadlines and leases are decided by the database's clock; [`Clock::shift`] is added there too, so that one clock set by
//! a test moves the whole process. Production never shifts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, SubsecRound, Utc};

/// An instant, in UTC, to the millisecond: the precision of the store and of the wire.
pub type Timestamp = DateTime<Utc>;

/// The process's clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    shift_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's time.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Now, to the millisecond.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the time is read")]
    pub fn now(&self) -> Timestamp {
        (Utc::now() + self.shift()).trunc_subsecs(3)
    }

    /// How far this clock has been moved from the machine's; to be added to the database's clock.
    #[must_use]
    pub fn shift(&self) -> chrono::Duration {
        chrono::Duration::milliseconds(self.shift_ms.load(Ordering::Relaxed))
    }

    /// Moves the clock, and every clone of it, forward. For tests.
    pub fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.shift_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

/// Milliseconds since the Unix epoch: how the store keeps an instant.
#[must_use]
pub fn to_millis(at: Timestamp) -> i64 {
    at.timestamp_millis()
}

/// The instant of a stored value; a value out of range becomes the epoch, never a panic.
#[must_use]
pub fn from_millis(ms: i64) -> Timestamp {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}
