//! What an onlooker sees of a session: its stages, what was said and heard, the server's certificate.
//!
//! A test email goes the way of all mail; the only difference is that somebody watches. Sights go over a channel, so nobody
//! who watches can hold a session up, and a session that nobody watches pays for one look at an `Option`. Credentials are
//! never part of a sight: the one module that speaks them says what may be shown instead.

use std::net::SocketAddr;

use domain::reply::Stage;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use crate::stream::WireReply;

/// One thing seen.
#[derive(Debug)]
pub(crate) enum Sight {
    /// A stage began, and with it the one before ended.
    Entered(Stage, Instant),
    /// The host's addresses, all of them allowed.
    Resolved(Vec<SocketAddr>),
    /// A line that was written.
    Said(String),
    /// A whole reply, as it came.
    Heard(WireReply),
    /// The certificate of the server, in DER, and what is wrong with it.
    Presented(Vec<u8>, Option<CertificateFault>),
    /// The handshake succeeded with this TLS version.
    Secured(Option<String>),
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CertificateFault {
    /// Nobody who is trusted has signed it.
    UnknownIssuer,
    /// It has run out.
    Expired,
    /// It is not good yet, or this machine's clock is wrong.
    NotYetValid,
    /// It is for another name.
    WrongName,
    /// Its issuer has taken it back.
    Revoked,
    /// Something rarer.
    Other,
}

/// A session's end of the channel; by default nobody watches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Option<UnboundedSender<Sight>>);

impl Watch {
    /// A watch and what is seen through it. The sights end with the session.
    pub(crate) fn begin() -> (Self, UnboundedReceiver<Sight>) {
        let (sender, sights) = unbounded_channel();
        (Self(Some(sender)), sights)
    }

    /// Whether anybody watches.
    pub(crate) const fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Tells of a thing, made only where somebody watches.
    pub(crate) fn see(&self, sight: impl FnOnce() -> Sight) {
        if let Some(sender) = &self.0 {
            // An onlooker may leave before the end.
            drop(sender.send(sight()));
        }
    }

    /// Tells of commands, each of which ends in CRLF.
    pub(crate) fn said(&self, commands: &str) {
        if self.is_kept() {
            for line in commands.split_terminator("\r\n") {
                self.see(|| Sight::Said(line.to_owned()));
            }
        }
    }
}
