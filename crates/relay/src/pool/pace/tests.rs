//! The rate, the burst, and whose turn it is, on a clock that is moved by hand.

use std::sync::Arc;

use super::*;

async fn drain(pace: &Pace, tokens: u32) -> Duration {
    let started = Instant::now();
    for _ in 0..tokens {
        pace.token(Lane::Background).await;
    }
    started.elapsed()
}

/// A pace whose first second is used up.
async fn emptied(per_second: u32) -> Arc<Pace> {
    let pace = Arc::new(Pace::new(per_second));
    drain(&pace, per_second).await;
    pace
}

#[tokio::test]
async fn what_goes_beyond_one_second_of_burst_goes_at_the_rate() {
    let pace = Pace::new(20);
    let took = drain(&pace, 30).await;
    assert!(took >= Duration::from_millis(490), "{took:?}");
}

#[tokio::test]
async fn an_idle_bucket_holds_one_second_and_no_more() {
    let pace = Pace::new(4);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(drain(&pace, 5).await >= Duration::from_millis(240));
}

#[tokio::test]
async fn a_code_goes_before_a_waiting_backlog() {
    let pace = emptied(20).await;
    let (told, mut served) = tokio::sync::mpsc::unbounded_channel();
    for lane in [Lane::Background; 20].into_iter().chain([Lane::Urgent]) {
        let (pace, told) = (Arc::clone(&pace), told.clone());
        tokio::spawn(async move {
            pace.token(lane).await;
            told.send(lane).unwrap();
        });
    }
    // The head that waits already may go first; that is one token.
    let first_two = [served.recv().await, served.recv().await];
    assert!(first_two.contains(&Some(Lane::Urgent)), "{first_two:?}");
}

#[tokio::test]
async fn lanes_are_served_in_their_order_and_the_lowest_in_the_end_too() {
    let pace = emptied(5).await;
    let (told, mut served) = tokio::sync::mpsc::unbounded_channel();
    for lane in [Lane::Background, Lane::Interactive, Lane::Urgent] {
        let (pace, told) = (Arc::clone(&pace), told.clone());
        tokio::spawn(async move {
            pace.token(lane).await;
            told.send(lane).unwrap();
        });
    }
    for expected in Lane::ALL {
        assert_eq!(served.recv().await, Some(expected));
    }
}

#[tokio::test]
async fn who_gives_up_waiting_holds_nobody_up() {
    let pace = emptied(2).await;
    let given_up = tokio::time::timeout(Duration::from_millis(20), pace.token(Lane::Urgent)).await;
    assert!(given_up.is_err());
    pace.token(Lane::Background).await;
}
