//! Who is let in while a server rests, and what is shown of it.

use tokio::time::sleep_until;

use super::*;

fn breaker() -> Arc<Breaker> {
    let first_rest = Duration::from_millis(20);
    Arc::new(Breaker::new("main".to_owned(), first_rest, Arc::default(), None))
}

fn fail(breaker: &Arc<Breaker>, bearing: Bearing) {
    breaker
        .admit()
        .unwrap()
        .conclude(bearing, || "connect: refused".to_owned());
}

async fn rest_over(breaker: &Breaker) {
    sleep_until(breaker.health().open_until.unwrap()).await;
}

#[tokio::test]
async fn a_probe_that_is_dropped_lets_the_next_one_in() {
    let breaker = breaker();
    fail(&breaker, Bearing::Misconfigured);
    rest_over(&breaker).await;

    let probe = breaker.admit().unwrap();
    assert_eq!(breaker.admit().unwrap_err().until, None);
    drop(probe);

    assert!(breaker.admit().is_ok());
}

#[tokio::test]
async fn health_shows_why_and_until_when_and_forgets_once_it_works() {
    let breaker = breaker();
    for _ in 0..3 {
        fail(&breaker, Bearing::Failing);
    }
    let health = breaker.health();
    assert_eq!(health.consecutive_failures, 3);
    assert_eq!(health.last_error.as_deref(), Some("connect: refused"));

    rest_over(&breaker).await;
    assert_eq!(breaker.health().condition, Condition::HalfOpen);
    breaker.admit().unwrap().conclude(Bearing::Well, String::new);
    assert_eq!(breaker.health().condition, Condition::Closed);
    assert_eq!(breaker.health().last_error, None);
}

#[tokio::test]
async fn whoever_waits_for_a_place_hears_that_the_server_rests() {
    let breaker = breaker();
    let (resting, ()) = tokio::join!(breaker.rests(), async { fail(&breaker, Bearing::Misconfigured) });
    assert!(resting.until.is_some());
}
