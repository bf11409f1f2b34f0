//! In which order routes are tried: by priority, and among equals by lot according to weight.
//!
//! A route that rests after failures comes last whatever its priority, so that a dead one costs a few messages its time-out
//! and not every message.

use domain::connection::Route;

/// Whether a route rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fitness {
    Well,
    Resting,
}

/// The routes in the order to try them in; `lots` yields numbers in 0.0–1.0.
pub(crate) fn order(
    routes: &[Route],
    fitness: impl Fn(&Route) -> Fitness,
    mut lots: impl FnMut() -> f64,
) -> Vec<&Route> {
    let mut drawn: Vec<_> = routes
        .iter()
        .map(|route| (fitness(route), route.priority, lot(route.weight, lots()), route))
        .collect();
    drawn.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    drawn.into_iter().map(|(_, _, _, route)| route).collect()
}

/// Exponential waiting times: the first of several comes from each route as often as its weight says.
fn lot(weight: u32, drawn: f64) -> f64 {
    -drawn.clamp(f64::MIN_POSITIVE, 1.0).ln() / f64::from(weight.max(1))
}

#[cfg(test)]
mod tests {
    use domain::{
        connection::{Security, SmtpServer},
        ids::Id,
    };
    use proptest::prelude::*;

    use super::*;

    fn route(name: &str, priority: i32, weight: u32) -> Route {
        Route {
            id: Id::new(uuid::Uuid::nil()),
            name: name.to_owned(),
            server: SmtpServer {
                host: "localhost".parse().unwrap(),
                port: 25,
                security: Security::None,
                credentials: None,
                ca_certificate_pem: None,
            },
            max_connections: 1,
            messages_per_second: None,
            priority,
            weight,
            version: 1,
            paused: None,
        }
    }

    fn names<'a>(routes: &[&'a Route]) -> Vec<&'a str> {
        routes.iter().map(|route| route.name.as_str()).collect()
    }

    #[test]
    fn the_lower_priority_goes_first_and_a_resting_route_last() {
        let routes = [route("c", 30, 1), route("a", 10, 1), route("b", 20, 1)];
        let well = order(&routes, |_| Fitness::Well, || 0.5);
        assert_eq!(names(&well), ["a", "b", "c"]);
        let resting = |route: &Route| match route.name.as_str() {
            "a" => Fitness::Resting,
            _ => Fitness::Well,
        };
        assert_eq!(names(&order(&routes, resting, || 0.5)), ["b", "c", "a"]);
    }

    #[test]
    fn among_equals_the_heavier_one_wins_an_equal_lot() {
        let routes = [route("light", 10, 1), route("heavy", 10, 3)];
        assert_eq!(names(&order(&routes, |_| Fitness::Well, || 0.5)), ["heavy", "light"]);
    }

    proptest! {
        #[test]
        fn every_route_is_in_the_order_once(lots in prop::collection::vec(0.0_f64..=1.0, 3)) {
            let routes = [route("a", 10, 1), route("b", 10, 1000), route("c", 10, 7)];
            let mut drawn = lots.into_iter();
            let mut ordered = names(&order(&routes, |_| Fitness::Well, || drawn.next().unwrap()));
            ordered.sort_unstable();
            prop_assert_eq!(ordered, ["a", "b", "c"]);
        }
    }
}
