//! The sessions of one route that nobody uses right now, the last one used on top: the others then grow old and are closed.

use std::time::Duration;

use tokio::time::Instant;

use crate::session::Session;

/// How long a session may lie; servers close theirs after minutes (RFC 5321 §4.5.3.2.7 asks for five).
const MAX_IDLE: Duration = Duration::from_secs(30);
/// Messages of one connection at most: load balancers and certificates change, and some servers count.
const MAX_TRANSACTIONS: u32 = 1000;

/// Sessions at rest.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    resting: Vec<Resting>,
    state: State,
}

#[derive(Debug)]
struct Resting {
    session: Session,
    since: Instant,
}

/// Whether sessions may still be put here.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Closed,
}

impl Shelf {
    /// The session used last, if it has not lain too long.
    pub(super) fn take(&mut self) -> Option<Session> {
        let resting = self.resting.pop()?;
        if resting.since.elapsed() < MAX_IDLE {
            Some(resting.session)
        } else {
            // The rest is older still; pruning takes leave of all of them.
            self.resting.push(resting);
            None
        }
    }

    /// Puts a session to rest, or returns it where its time is over.
    pub(super) fn put(&mut self, session: Session) -> Option<Session> {
        if self.state == State::Closed || session.transactions() >= MAX_TRANSACTIONS {
            return Some(session);
        }
        self.resting.push(Resting {
            session,
            since: Instant::now(),
        });
        None
    }

    /// Takes out what has lain too long.
    pub(super) fn prune(&mut self) -> Vec<Session> {
        let old = self
            .resting
            .partition_point(|resting| resting.since.elapsed() >= MAX_IDLE);
        self.resting.drain(..old).map(|resting| resting.session).collect()
    }

    /// Takes out everything and takes nothing in any more.
    pub(super) fn close(&mut self) -> Vec<Session> {
        self.state = State::Closed;
        self.resting.drain(..).map(|resting| resting.session).collect()
    }
}
