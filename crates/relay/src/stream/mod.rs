//! The stream under lettre: it reads the server's replies itself and holds the final dot until the session lets it pass.
//!
//! lettre frames commands and stuffs dots; it hides the text of refusals, reads lines without end and cannot be stopped
//! between the text and the dot. So this stream stands between lettre and the network. Of each reply lettre is shown only
//! the code; the reply as it came goes to the session through the [`Tap`]. And the octets that end a text, which lettre
//! writes on their own, wait at the fence: a dot that was not allowed is never written.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::client::TlsStream;

mod channel;
mod reply;
mod wire;

pub(crate) use reply::WireReply;
pub(crate) use wire::StreamFault;

use crate::{
    redact::Discretion,
    sight::{Sight, Watch},
};
use channel::Channel;
use wire::{Dot, Wire};

/// lettre's end of the stream.
pub(crate) struct SmtpStream(Arc<Mutex<Wire>>);

/// The session's end of the stream.
pub(crate) struct Tap(Arc<Mutex<Wire>>, Watch);

/// A stream in clear, with both its ends.
pub(crate) fn clear(stream: TcpStream) -> (SmtpStream, Tap) {
    over(Channel::Clear(stream))
}

/// A stream that is under TLS from its first octet.
pub(crate) fn encrypted(stream: TlsStream<TcpStream>) -> (SmtpStream, Tap) {
    over(Channel::Tls(Box::new(stream)))
}

fn over(channel: Channel) -> (SmtpStream, Tap) {
    let wire = Arc::new(Mutex::new(Wire::new(channel)));
    (SmtpStream(Arc::clone(&wire)), Tap(wire, Watch::default()))
}

/// No future is held across this lock and nothing under it panics, so neither waiting nor poison is a concern.
fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tap {
    /// The same tap, with somebody to tell what passes.
    pub(crate) fn watched_by(self, watch: Watch) -> Self {
        Self(self.0, watch)
    }

    /// The same tap, for a server that must not be quoted with its credentials.
    pub(crate) fn discreet(self, discretion: Discretion) -> Self {
        lock(&self.0).reader.be_discreet(discretion);
        self
    }

    /// Whoever is told what passes.
    pub(crate) const fn watch(&self) -> &Watch {
        &self.1
    }

    /// Says that the next write begins a command: whatever the server says before it is out of turn.
    ///
    /// # Errors
    /// [`StreamFault::OutOfTurn`] where something is here already.
    pub(crate) fn begin_turn(&self) -> Result<(), StreamFault> {
        lock(&self.0).begin_turn()
    }

    /// The oldest reply that nobody has asked for yet.
    pub(crate) fn take_reply(&self) -> Option<WireReply> {
        let reply = lock(&self.0).replies.pop_front();
        if let Some(reply) = &reply {
            self.1.see(|| Sight::Heard(reply.clone()));
        }
        reply
    }

    /// What made the stream fail, if it did.
    pub(crate) fn take_fault(&self) -> Option<StreamFault> {
        let fault = lock(&self.0).fault.take();
        if let Some(StreamFault::OutOfTurn(Some(reply))) = &fault {
            self.1.see(|| Sight::Heard(reply.clone()));
        }
        fault
    }

    /// Takes the TCP stream out, for the handshake.
    ///
    /// # Errors
    /// [`StreamFault::OutOfTurn`] where the server said more than its 220: those octets came in clear and must not be taken
    /// for protected ones (RFC 3207 §4.2, and the injection it does not name).
    pub(crate) fn lend(&self) -> Result<TcpStream, StreamFault> {
        lock(&self.0).lend()
    }

    /// Puts the stream back, under TLS.
    pub(crate) fn give_back(&self, stream: TlsStream<TcpStream>) {
        lock(&self.0).channel = Channel::Tls(Box::new(stream));
    }

    /// Raises the fence before a text.
    pub(crate) fn arm_fence(&self) {
        lock(&self.0).dot = Dot::Held;
    }

    /// Whether the text is written and the dot waits.
    pub(crate) fn is_at_fence(&self) -> bool {
        lock(&self.0).dot == Dot::Reached
    }

    /// Lets the dot pass, if it does so before this instant.
    pub(crate) fn open_fence(&self, until: Instant) {
        lock(&self.0).dot = Dot::Allowed { until };
    }

    /// Forbids the dot, unless it is out already.
    pub(crate) fn shut_fence(&self) {
        lock(&self.0).shut_fence();
    }

    /// Whether the dot, or a part of it, is on its way: from here on the server may have the message.
    pub(crate) fn is_dot_out(&self) -> bool {
        lock(&self.0).dot == Dot::Out
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

impl fmt::Debug for SmtpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpStream")
    }
}

impl AsyncTokioStream for SmtpStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        lock(&self.0).channel.peer_addr()
    }
}

impl AsyncRead for SmtpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_reply(cx, into)
    }
}

impl AsyncWrite for SmtpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.0).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).channel.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
