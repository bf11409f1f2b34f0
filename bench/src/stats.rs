//! What several rounds say together: the median, and how far the rounds lie apart.

use std::time::Duration;

use serde::Serialize;

/// One figure over all rounds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    rounds: Vec<f64>,
}

impl Spread {
    /// `None` without a single finite value: a figure that was not measured does not exist.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let rounds: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some(Self {
            median: f64::midpoint(lower, upper),
            min,
            max,
            rounds,
        })
    }

    /// The ratios of two figures, round by round: both sides of each have met the same machine.
    pub(crate) fn of_ratios(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        Self::of(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    }
}

/// Latencies of one round, sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn of(mut values: Vec<Duration>) -> Self {
        values.sort();
        Self(values)
    }

    /// Median and 99th percentile, in words.
    pub(crate) fn told(&self) -> String {
        let ms = |percent| {
            self.percentile_ms(percent)
                .map_or_else(|| "?".to_owned(), |ms| format!("{ms:.2}"))
        };
        format!("p50 {} ms, p99 {} ms", ms(50), ms(99))
    }

    /// The value that `percent` of a hundred do not exceed, in milliseconds (nearest rank).
    pub(crate) fn percentile_ms(&self, percent: usize) -> Option<f64> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).map(|value| millis(*value))
    }
}

/// Milliseconds, with their fraction.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// A count as a factor of a figure; no count here comes near 2⁵².
#[expect(clippy::cast_precision_loss, reason = "counts of messages stay far below 2^52")]
pub(crate) const fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_lies_between_the_two_middle_rounds() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap();

        assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 4.0));
        assert!(Spread::of([]).is_none());
        assert!(Spread::of([f64::NAN]).is_none());
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let latencies = Latencies::of((1..=200).rev().map(Duration::from_millis).collect());

        assert_eq!(latencies.percentile_ms(50), Some(100.0));
        assert_eq!(latencies.percentile_ms(99), Some(198.0));
        assert_eq!(Latencies::default().percentile_ms(50), None);
    }
}
