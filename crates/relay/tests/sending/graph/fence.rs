//! The dot mark in HTTP: committed before the request is whole, and without it the request never is.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use domain::{
    message::kind::Kind,
    outbox::{Fence, Job, OutboxError, Outcome},
    reply::Stage,
};
use relay::{
    graph_emulator::{At, Play, Script},
    session::{DotMark, Timeouts},
    transport::Attempted,
};

use super::world::{World, composed, config, job_over, settings, world, world_of};
use crate::sample::{PATIENCE, short_timeouts};

/// A mark that looks at the emulator when it is asked for.
struct Watching<'a> {
    world: &'a World,
    answer: Result<Fence, ()>,
    seen: Mutex<Vec<(u64, usize)>>,
    cleared: AtomicU32,
}

impl<'a> Watching<'a> {
    fn answering(world: &'a World, answer: Result<Fence, ()>) -> Self {
        Self {
            world,
            answer,
            seen: Mutex::default(),
            cleared: AtomicU32::new(0),
        }
    }
}

impl DotMark for Watching<'_> {
    async fn commit(&self) -> Result<Fence, OutboxError> {
        let emulator = &self.world.emulator;
        while emulator.sends_begun() == 0 {
            tokio::task::yield_now().await;
        }
        self.seen
            .lock()
            .unwrap()
            .push((emulator.sends_begun(), emulator.taken().len()));
        self.answer.map_err(|()| OutboxError::Unavailable("down".into()))
    }

    async fn clear(&self) {
        self.cleared.fetch_add(1, Ordering::SeqCst);
    }
}

fn sample() -> Job {
    job_over(&settings(), Kind::Notification)
}

async fn attempt(world: &World, mark: &Watching<'_>) -> Attempted {
    let job = sample();
    world.transports.attempt(&job, &composed(&job), mark).await
}

async fn broken_off(world: &World) {
    let broken = async {
        while world.emulator.broken_off() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, broken).await.unwrap();
}

#[tokio::test]
async fn the_mark_is_committed_while_the_request_is_under_way_and_not_whole() {
    let world = world().await;
    let mark = Watching::answering(&world, Ok(Fence::Open));

    let attempted = attempt(&world, &mark).await;

    assert!(matches!(attempted, Attempted::Ended(Outcome::Sent, _)), "{attempted:?}");
    assert_eq!(*mark.seen.lock().unwrap(), [(1, 0)]);
    assert_eq!(mark.cleared.load(Ordering::SeqCst), 0);
    assert_eq!(world.emulator.taken().len(), 1);
}

#[tokio::test]
async fn without_the_mark_the_request_is_broken_off_and_nothing_is_taken() {
    for fence in [Fence::Lost, Fence::Withdrawn] {
        let world = world().await;
        let mark = Watching::answering(&world, Ok(fence));

        let attempted = attempt(&world, &mark).await;

        assert_eq!(attempted, Attempted::Fenced);
        broken_off(&world).await;
        assert_eq!(world.emulator.taken(), []);
    }
}

#[tokio::test]
async fn a_store_that_is_down_leaves_the_mail_as_it_was() {
    let world = world().await;
    let mark = Watching::answering(&world, Err(()));

    let attempted = attempt(&world, &mark).await;

    assert!(
        matches!(attempted, Attempted::Ended(Outcome::Released, _)),
        "{attempted:?}"
    );
    broken_off(&world).await;
    assert_eq!(world.emulator.taken(), []);
    assert_eq!(mark.cleared.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn silence_after_the_request_is_an_unknown_outcome_and_the_mark_stays() {
    let world = world_of(config(), short_timeouts()).await;
    world.emulator.play(Script::new().always_at(At::Send, Play::DoThenHang));
    let mark = Watching::answering(&world, Ok(Fence::Open));

    let attempted = attempt(&world, &mark).await;

    let Attempted::Ended(outcome, Some(report)) = attempted else {
        panic!("{attempted:?}");
    };
    assert_eq!((outcome, report.stage), (Outcome::Unknown, Stage::Dot));
    assert_eq!(mark.cleared.load(Ordering::SeqCst), 0);
    assert_eq!(world.emulator.taken().len(), 1);
}

#[tokio::test]
async fn a_refused_token_gives_its_mark_back_before_the_second_send() {
    let world = world_of(config(), Timeouts::default()).await;
    let first = Watching::answering(&world, Ok(Fence::Open));
    attempt(&world, &first).await;
    world.emulator.revoke_tokens();
    let second = Watching::answering(&world, Ok(Fence::Open));

    // The settings are made anew, with another vault entry: so they need a token, and the second attempt has one that works.
    let job = sample();
    world.transports.attempt(&job, &composed(&job), &second).await;
    world.emulator.revoke_tokens();
    let third = Watching::answering(&world, Ok(Fence::Open));
    let attempted = world.transports.attempt(&job, &composed(&job), &third).await;

    assert!(matches!(attempted, Attempted::Ended(Outcome::Sent, _)), "{attempted:?}");
    assert_eq!(third.seen.lock().unwrap().len(), 2);
    assert_eq!(third.cleared.load(Ordering::SeqCst), 1);
}
