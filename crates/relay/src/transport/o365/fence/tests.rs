//! The last octet leaves with a leave that is in time, and in no other case.

use std::{future::poll_fn, time::Duration};

use super::*;

async fn next(body: &mut FencedBody) -> Option<Result<Bytes, Shut>> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

#[tokio::test]
async fn all_but_the_last_octet_goes_before_the_fence_is_reached() {
    let (mut body, mut hand) = fenced(b"abc".to_vec());
    assert_eq!(body.size_hint().exact(), Some(3));
    assert_eq!(next(&mut body).await, Some(Ok(Bytes::from("ab"))));

    let rest = async {
        hand.reached().await;
        hand.open(soon());
    };
    let (last, ()) = tokio::join!(next(&mut body), rest);

    assert_eq!(last, Some(Ok(Bytes::from("c"))));
    assert!(body.is_end_stream());
    assert_eq!(hand.shut(), Err(Out));
}

#[tokio::test]
async fn what_is_shut_in_does_not_leave_even_with_leave() {
    let (mut body, mut hand) = fenced(b"a".to_vec());
    assert_eq!(hand.shut(), Ok(Shut));
    hand.open(soon());
    assert_eq!(next(&mut body).await, Some(Err(Shut)));
    assert_eq!(hand.shut(), Ok(Shut));
}

#[tokio::test]
async fn a_leave_that_is_over_is_none() {
    let (mut body, mut hand) = fenced(b"a".to_vec());
    hand.open(Instant::now());
    assert_eq!(next(&mut body).await, Some(Err(Shut)));
    assert_eq!(hand.shut(), Ok(Shut));
}

#[tokio::test]
async fn a_hand_that_is_gone_lets_nothing_out() {
    let (mut body, hand) = fenced(b"a".to_vec());
    drop(hand);
    assert_eq!(next(&mut body).await, Some(Err(Shut)));
}
