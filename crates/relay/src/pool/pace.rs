//! Messages a second: a token bucket whose queue has lanes.
//!
//! A queue that served whoever came first would let a backlog of notifications hold a sign-in code for as long as the
//! backlog lasts. Here each lane has a queue of its own, only their heads wait for tokens, and a token goes to the most
//! urgent head. So a code waits for one token at most.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::message::kind::Lane;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// A bucket as large as this holds full: what a second brings may go at once.
const BURST: Duration = Duration::from_secs(1);

/// The pace of one server in this process; several processes have as many times the rate together.
#[derive(Debug)]
pub(super) struct Pace {
    /// From one token to the next.
    interval: Duration,
    /// When the bucket would be empty of debts (the generic cell rate algorithm's arrival time).
    paid_until: Mutex<Instant>,
    queues: [Queue; Lane::ALL.len()],
    /// Told when a head has gone, with a token or without.
    moved: Notify,
}

/// Those of one lane who wait, in the order of their coming.
#[derive(Debug, Default)]
struct Queue {
    waiting: AtomicUsize,
    head: tokio::sync::Mutex<()>,
}

/// What a head finds.
enum Turn {
    Taken,
    /// No token before then.
    At(Instant),
    /// Somebody more urgent waits.
    Behind,
}

impl Pace {
    /// So many messages a second, at least one.
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            paid_until: Mutex::new(Instant::now()),
            queues: <[Queue; Lane::ALL.len()]>::default(),
            moved: Notify::new(),
        }
    }

    /// Waits for a token; giving up while waiting costs none.
    pub(super) async fn token(&self, lane: Lane) {
        let Some(queue) = Lane::ALL
            .iter()
            .position(|other| *other == lane)
            .and_then(|index| self.queues.get(index))
        else {
            return;
        };
        let _counted = Counted::among(queue, &self.moved);
        let _head = queue.head.lock().await;
        loop {
            let moved = self.moved.notified();
            match self.turn(lane) {
                Turn::Taken => return,
                Turn::At(instant) => sleep_until(instant).await,
                Turn::Behind => moved.await,
            }
        }
    }

    fn turn(&self, lane: Lane) -> Turn {
        let more_urgent = Lane::ALL
            .iter()
            .zip(&self.queues)
            .take_while(|(other, _)| **other < lane);
        if more_urgent
            .into_iter()
            .any(|(_, queue)| queue.waiting.load(Ordering::SeqCst) > 0)
        {
            return Turn::Behind;
        }
        let now = Instant::now();
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let next = (*paid_until).max(now) + self.interval;
        if next > now + BURST.max(self.interval) {
            return Turn::At(next - BURST.max(self.interval));
        }
        *paid_until = next;
        Turn::Taken
    }
}

/// Counts one who waits, until it has gone.
struct Counted<'a> {
    queue: &'a Queue,
    moved: &'a Notify,
}

impl<'a> Counted<'a> {
    fn among(queue: &'a Queue, moved: &'a Notify) -> Self {
        queue.waiting.fetch_add(1, Ordering::SeqCst);
        Self { queue, moved }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
