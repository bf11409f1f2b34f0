//! A command and its reply: lettre writes, the tap hears, one clock runs.

use std::{fmt, time::Duration};

use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::time::timeout;

use super::{extensions::Extensions, failure::SessionFailure};
use crate::stream::{Tap, WireReply};

/// lettre's connection with the tap on it, and what the server offers.
pub(super) struct Link {
    pub(super) smtp: AsyncSmtpConnection,
    pub(super) tap: Tap,
    pub(super) extensions: Extensions,
}

impl Link {
    /// Writes a command, which ends in CRLF, and reads the first reply to it.
    pub(super) async fn exchange(&mut self, command: &str, within: Duration) -> Result<WireReply, SessionFailure> {
        self.tap.begin_turn()?;
        self.tap.watch().said(command);
        self.exchange_unseen(command, within).await
    }

    /// The same with a command that nobody may see.
    pub(super) async fn exchange_unseen(
        &mut self,
        command: &str,
        within: Duration,
    ) -> Result<WireReply, SessionFailure> {
        self.tap.begin_turn()?;
        let answered = timeout(within, self.smtp.command(command)).await;
        heard(&self.tap, answered)
    }

    /// Reads a further reply to what was pipelined (RFC 2920).
    pub(super) async fn next_reply(&mut self, within: Duration) -> Result<WireReply, SessionFailure> {
        let answered = timeout(within, self.smtp.read_response()).await;
        heard(&self.tap, answered)
    }
}

/// What the server said, or why it said nothing. lettre's own answer counts only for whether it came in time: a refusal is
/// an error there.
pub(super) fn heard<T, E>(tap: &Tap, answered: Result<T, E>) -> Result<WireReply, SessionFailure> {
    match (tap.take_reply(), tap.take_fault(), answered) {
        (Some(reply), _, _) => Ok(reply),
        (None, Some(fault), _) => Err(fault.into()),
        (None, None, Err(_)) => Err(SessionFailure::ConnectionTimeout),
        (None, None, Ok(_)) => Err(SessionFailure::ConnectionClosed),
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}
