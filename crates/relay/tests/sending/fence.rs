//! The dot and its mark: no dot without a fresh mark, no mark left behind without a dot.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use domain::{
    outbox::{Fence, OutboxError},
    reply::Stage,
};
use relay::{
    inbox::{Behaviour, Inbox, Script, Step},
    session::{DotMark, Failed, NotSent, SessionFailure, Timeouts, Unmarked},
};

use crate::sample::{dialer, dialer_with, inbox, mail, server, short_timeouts};

/// A mark whose answer is set, and that counts.
struct Mark {
    answer: Result<Fence, ()>,
    after: Duration,
    asked: AtomicU32,
    cleared: AtomicU32,
}

impl Mark {
    fn that_says(answer: Result<Fence, ()>) -> Self {
        Self {
            answer,
            after: Duration::ZERO,
            asked: AtomicU32::new(0),
            cleared: AtomicU32::new(0),
        }
    }

    fn counts(&self) -> (u32, u32) {
        (self.asked.load(Ordering::SeqCst), self.cleared.load(Ordering::SeqCst))
    }
}

impl DotMark for Mark {
    async fn commit(&self) -> Result<Fence, OutboxError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(self.after).await;
        self.answer.map_err(|()| OutboxError::Unavailable("down".into()))
    }

    async fn clear(&self) {
        self.cleared.fetch_add(1, Ordering::SeqCst);
    }
}

async fn send_marked(inbox: &Inbox, timeouts: Timeouts, mark: &Mark) -> Failed {
    let mut session = dialer_with(timeouts).open(&server(inbox.addr())).await.unwrap();
    session.send(&mail(), mark).await.unwrap_err()
}

/// Sends another message and sees that it is the first one to arrive.
async fn assert_nothing_arrived(inbox: &Inbox) {
    let mut session = dialer().open(&server(inbox.addr())).await.unwrap();
    session.send(&mail(), &Unmarked).await.unwrap();
    assert_eq!(inbox.received(), 1);
}

#[tokio::test]
async fn an_open_fence_lets_the_dot_pass_once_marked() {
    let inbox = inbox(Script::new()).await;
    let mark = Mark::that_says(Ok(Fence::Open));
    let mut session = dialer().open(&server(inbox.addr())).await.unwrap();

    session.send(&mail(), &mark).await.unwrap();

    assert_eq!(mark.counts(), (1, 0));
    assert_eq!(inbox.received(), 1);
}

#[tokio::test]
async fn a_shut_fence_keeps_the_dot_back_and_the_session_is_over() {
    for (answer, why, cleared) in [
        (Ok(Fence::Lost), NotSent::LeaseLost, 0),
        (Ok(Fence::Withdrawn), NotSent::Withdrawn, 0),
        (Err(()), NotSent::StoreUnavailable, 1),
    ] {
        let inbox = inbox(Script::new()).await;
        let mark = Mark::that_says(answer);

        let failed = send_marked(&inbox, Timeouts::default(), &mark).await;

        assert_eq!(failed.stage, Stage::Data);
        assert_eq!(failed.failure, SessionFailure::NotSent(why));
        assert_eq!(mark.counts(), (1, cleared));
        assert_nothing_arrived(&inbox).await;
    }
}

#[tokio::test]
async fn a_mark_that_came_too_late_is_cleared_and_no_dot_is_written() {
    let inbox = inbox(Script::new()).await;
    let mark = Mark {
        after: short_timeouts().mark * 2,
        ..Mark::that_says(Ok(Fence::Open))
    };

    let failed = send_marked(&inbox, short_timeouts(), &mark).await;

    assert_eq!(failed.failure, SessionFailure::NotSent(NotSent::TooLate));
    assert_eq!(mark.counts(), (1, 1));
    assert_nothing_arrived(&inbox).await;
}

#[tokio::test]
async fn a_thread_that_was_stopped_behind_the_mark_writes_no_dot() {
    let inbox = inbox(Script::new()).await;
    let mark = StoppedBehindMark(Mark::that_says(Ok(Fence::Open)));
    let mut session = dialer_with(short_timeouts()).open(&server(inbox.addr())).await.unwrap();

    let failed = session.send(&mail(), &mark).await.unwrap_err();

    assert_eq!(failed.failure, SessionFailure::NotSent(NotSent::TooLate));
    assert_eq!(mark.0.counts(), (1, 1));
    drop(session);
    assert_nothing_arrived(&inbox).await;
}

/// Blocks its whole thread, as SIGSTOP would, where no time-out can see it.
struct StoppedBehindMark(Mark);

impl DotMark for StoppedBehindMark {
    async fn commit(&self) -> Result<Fence, OutboxError> {
        let answer = self.0.commit().await;
        std::thread::sleep(short_timeouts().mark * 2);
        answer
    }

    async fn clear(&self) {
        self.0.clear().await;
    }
}

#[tokio::test]
async fn a_server_that_left_during_the_text_gets_no_mark_and_no_dot() {
    let inbox = inbox(Script::new().at(Step::Data, [Behaviour::TakeThenDrop { octets: 4 }])).await;
    let mark = Mark {
        after: Duration::from_millis(100),
        ..Mark::that_says(Ok(Fence::Open))
    };

    let failed = send_marked(&inbox, Timeouts::default(), &mark).await;

    assert_eq!(failed.stage, Stage::Data);
    let (asked, cleared) = mark.counts();
    assert_eq!(asked, cleared);
    assert_nothing_arrived(&inbox).await;
}

#[tokio::test]
async fn a_refusal_during_the_text_is_heard_before_the_dot() {
    let refusal = Behaviour::LeftOver(b"552 5.3.4 too big\r\n".to_vec());
    let inbox = inbox(Script::new().at(Step::Data, [refusal])).await;
    let mark = Mark::that_says(Ok(Fence::Open));

    let failed = send_marked(&inbox, Timeouts::default(), &mark).await;

    assert_eq!(failed.stage, Stage::Data);
    assert_eq!(failed.reply().unwrap().code, 552);
    assert_eq!(mark.counts(), (0, 0));
    assert_nothing_arrived(&inbox).await;
}
