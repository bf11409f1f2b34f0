//! What the relay counts, for Prometheus: how attempts end, how connections begin, how long a send takes.
//!
//! Labels are words from fixed sets, never a tenant, a route or an address: the number of series stays the same however big
//! the installation grows.

use std::time::Duration;

use domain::{message::kind::Lane, outbox::Outcome};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::pool::Condition;

/// The relay's metrics; clones count together.
#[derive(Debug, Clone)]
pub struct Metrics {
    attempts: Family<AttemptLabels, Counter>,
    possible_duplicates: Counter,
    connections: Family<ConnectionLabels, Counter>,
    send_seconds: Family<LaneLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    routes: Family<RouteLabels, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    outcome: &'static str,
    lane: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabels {
    lane: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            attempts: Family::default(),
            possible_duplicates: Counter::default(),
            connections: Family::default(),
            send_seconds: Family::new_with_constructor(send_histogram),
            in_flight: Gauge::default(),
            routes: Family::default(),
        }
    }
}

impl Metrics {
    /// Puts the families into a registry, once.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "letterhead_attempts",
            "Ended attempts by outcome and lane",
            self.attempts.clone(),
        );
        registry.register(
            "letterhead_possible_duplicates",
            "Final dots written once more for deliveries whose outcome had been unknown: so many mails at most arrived again",
            self.possible_duplicates.clone(),
        );
        registry.register(
            "letterhead_smtp_connections",
            "SMTP sessions opened (result opened) or why they were not",
            self.connections.clone(),
        );
        registry.register(
            "letterhead_send_seconds",
            "Seconds from claim to outcome, by lane",
            self.send_seconds.clone(),
        );
        registry.register(
            "letterhead_in_flight",
            "Deliveries claimed and not settled yet",
            self.in_flight.clone(),
        );
        registry.register(
            "letterhead_routes",
            "Routes in use by the state of their circuit breaker: closed, half_open, open",
            self.routes.clone(),
        );
    }

    /// Counts a route in a condition of its breaker.
    pub(crate) fn route_appeared(&self, condition: Condition) {
        self.routes(condition).inc();
    }

    /// Takes back what [`Metrics::route_appeared`] counted.
    pub(crate) fn route_disappeared(&self, condition: Condition) {
        self.routes(condition).dec();
    }

    fn routes(&self, condition: Condition) -> Gauge {
        let state = condition.as_str();
        self.routes.get_or_create_owned(&RouteLabels { state })
    }

    /// Counts an attempt's end; `took` is from claim to outcome.
    pub(crate) fn attempt_ended(&self, outcome: &Outcome, lane: Lane, took: Duration) {
        let labels = AttemptLabels {
            outcome: outcome.as_str(),
            lane: lane.as_str(),
        };
        self.attempts.get_or_create(&labels).inc();
        let lane = LaneLabels { lane: lane.as_str() };
        self.send_seconds.get_or_create(&lane).observe(took.as_secs_f64());
    }

    /// Counts a dot for a delivery that somebody may have had already.
    pub(crate) fn possibly_duplicated(&self) {
        self.possible_duplicates.inc();
    }

    /// Counts an opened session, or a failure by its fixed name.
    pub(crate) fn connection_tried(&self, result: &'static str) {
        self.connections.get_or_create(&ConnectionLabels { result }).inc();
    }

    /// Counts a delivery as in flight until the guard is dropped.
    pub(crate) fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }
}

/// One delivery in flight.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// 1 ms to 65 s, and beyond.
fn send_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 17))
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn the_families_have_the_documented_names_and_labels() {
        let (metrics, mut registry) = (Metrics::default(), Registry::default());
        metrics.register(&mut registry);
        metrics.attempt_ended(&Outcome::Sent, Lane::Urgent, Duration::from_millis(3));
        metrics.possibly_duplicated();
        metrics.connection_tried("opened");
        let _held = metrics.in_flight();
        metrics.route_appeared(Condition::HalfOpen);

        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for line in [
            "letterhead_attempts_total{outcome=\"sent\",lane=\"urgent\"} 1",
            "letterhead_possible_duplicates_total 1",
            "letterhead_smtp_connections_total{result=\"opened\"} 1",
            "letterhead_send_seconds_bucket{le=\"0.004\",lane=\"urgent\"} 1",
            "letterhead_in_flight 1",
            "letterhead_routes{state=\"half_open\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
