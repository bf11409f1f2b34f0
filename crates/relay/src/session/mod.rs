//! One SMTP session, stage by stage (RFC 5321), so that every failure is known by where it happened.
//!
//! lettre speaks the protocol; this module decides what is said when, how long each answer may take and which answers are
//! right ones. A session that failed, timed out or was cancelled is never used again: a reply that comes late would be taken
//! for the answer to the next command, and a mail be called sent that is not.

use domain::reply::{Reply, Stage};

mod auth;
mod dial;
mod extensions;
mod failure;
mod fence;
mod link;
mod onlooker;
mod progress;
mod timeouts;
mod tls;
mod transaction;

pub use dial::Dialer;
pub use failure::{Failed, NotSent, SessionFailure};
pub(crate) use fence::ask as ask_for_mark;
pub use fence::{DotMark, Unmarked};
pub use progress::StageTime;
pub use timeouts::Timeouts;
pub use tls::check_roots;

use link::Link;
use progress::Progress;

use crate::compose::WireMessage;

/// An open session: greeted, secured and authenticated as far as the server asked for it.
#[derive(Debug)]
pub struct Session {
    link: Link,
    timeouts: Timeouts,
    progress: Progress,
    condition: Condition,
    transactions: u32,
}

/// What can still be done with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// The next transaction can begin.
    Ready,
    /// A transaction was refused half-way: so many pipelined replies are still to come, then it must be reset.
    Unfinished { owed: u8 },
    /// Nothing.
    Broken,
}

impl Session {
    /// Sends one message to one recipient; the dot goes out only once `mark` is committed.
    ///
    /// Where the mark was committed and the dot then stayed here after all, the mark has been cleared again.
    ///
    /// # Errors
    /// [`Failed`], whose stage is [`Stage::Dot`] only where the dot was written. Afterwards see [`Session::recover`].
    pub async fn send(&mut self, mail: &WireMessage, mark: &impl DotMark) -> Result<Reply, Failed> {
        self.progress.restart(Stage::MailFrom);
        let sent = self.transact(mail, mark).await;
        sent.map_err(|failure| self.progress.failed(failure))
    }

    /// Makes the session ready for another transaction if that is possible without a new connection.
    pub async fn recover(&mut self) -> Recovery {
        let reset = match std::mem::replace(&mut self.condition, Condition::Broken) {
            Condition::Ready => Ok(()),
            Condition::Unfinished { owed } => self.reset(owed).await,
            Condition::Broken => Err(SessionFailure::ConnectionClosed),
        };
        if reset.is_err() {
            return Recovery::Broken;
        }
        self.condition = Condition::Ready;
        Recovery::Ready
    }

    /// Takes leave (RFC 5321 §4.1.1.10), if there is somebody to take leave of; never longer than its time-out.
    pub async fn quit(mut self) {
        if self.condition == Condition::Ready {
            // Whatever the answer is, the connection ends here.
            drop(self.link.exchange("QUIT\r\n", self.timeouts.quit).await);
        }
    }

    /// Whether the next transaction can begin at once.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.condition == Condition::Ready
    }

    /// The TLS version, `TLSv1.3` or the like; none in clear.
    #[must_use]
    pub fn tls_version(&self) -> Option<String> {
        self.progress.tls_version()
    }

    /// The stages gone through and the time each took: those of the opening, and once a message was sent, those of the last
    /// one.
    #[must_use]
    pub fn stages(&self) -> Vec<StageTime> {
        self.progress.stages()
    }

    /// Transactions begun on this connection.
    #[must_use]
    pub const fn transactions(&self) -> u32 {
        self.transactions
    }

    async fn reset(&mut self, owed: u8) -> Result<(), SessionFailure> {
        let within = self.timeouts.reset;
        for _ in 0..owed {
            let reply = self.link.next_reply(within).await?;
            if reply.code == 354 || reply.code == 421 {
                // The server waits for a text, or is leaving: neither can be mended.
                return Err(SessionFailure::Unexpected(reply.to_kept()));
            }
        }
        let reply = self.link.exchange("RSET\r\n", within).await?;
        failure::judge(&reply, &[250])
    }
}

/// Whether a session can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// At once.
    Ready,
    /// Not any more.
    Broken,
}
