//! How long each stage may take (RFC 5321 §4.5.3.2), by the monotonic clock.
//!
//! The stages before MAIL are shorter than the RFC's five minutes: nothing is lost by trying elsewhere. The dot's is the
//! RFC's ten minutes and must not be shortened in production, since giving up there leaves in doubt whether the message was
//! taken.

use std::time::Duration;

use domain::outbox::DOT_WITHIN;

/// A time-out for each stage.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Resolving and connecting, over all addresses.
    pub connect: Duration,
    /// The greeting and the answer to EHLO.
    pub greeting: Duration,
    /// STARTTLS and the handshake.
    pub tls: Duration,
    /// Each step of AUTH.
    pub auth: Duration,
    /// The answer to MAIL.
    pub mail: Duration,
    /// The answer to RCPT.
    pub rcpt: Duration,
    /// The answer to DATA.
    pub data: Duration,
    /// Writing the text.
    pub text: Duration,
    /// From asking for the dot mark to writing the dot.
    pub mark: Duration,
    /// The answer to the dot.
    pub dot: Duration,
    /// Each step of making a session usable again after a refusal.
    pub reset: Duration,
    /// The answer to QUIT.
    pub quit: Duration,
    /// How long a server that failed is left alone at first; each further time in a row twice as long.
    pub rest: Duration,
}

impl Timeouts {
    /// Those of a test email, for which somebody waits: as for all mail up to the dot. To give up there leaves a doubt about a
    /// test and no more.
    #[must_use]
    pub fn of_tests() -> Self {
        Self {
            text: Duration::from_mins(1),
            dot: Duration::from_mins(2),
            ..Self::default()
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            greeting: Duration::from_secs(30),
            tls: Duration::from_secs(30),
            auth: Duration::from_secs(30),
            mail: Duration::from_mins(1),
            rcpt: Duration::from_mins(1),
            data: Duration::from_mins(2),
            text: Duration::from_mins(3),
            mark: DOT_WITHIN,
            dot: Duration::from_mins(10),
            reset: Duration::from_secs(10),
            quit: Duration::from_secs(5),
            // As long as the first retry of a sign-in code.
            rest: Duration::from_secs(5),
        }
    }
}
