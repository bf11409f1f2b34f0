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

use crate::sight::{Sight, Watch};
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
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::{io::AsyncWriteExt, net::TcpListener, time::timeout};

    use super::*;

    /// Both ends of a stream, and the server's socket.
    async fn connected() -> (SmtpStream, Tap, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (stream, tap) = clear(client.unwrap());
        (stream, tap, server.unwrap().0)
    }

    /// Lets the server say something and waits until it is here, unread.
    async fn hear(tap: &Tap, server: &mut TcpStream, said: &[u8]) {
        server.write_all(said).await.unwrap();
        poll_fn(|cx| match &lock(&tap.0).channel {
            Channel::Clear(stream) => stream.poll_read_ready(cx),
            Channel::Tls(_) | Channel::Lent => Poll::Pending,
        })
        .await
        .unwrap();
    }

    /// Whether the final dot goes out if it is tried now.
    async fn dot_goes_out(stream: &mut SmtpStream) -> bool {
        let written = timeout(Duration::from_millis(20), stream.write_all(b"\r\n.\r\n")).await;
        matches!(written, Ok(Ok(())))
    }

    #[tokio::test]
    async fn what_a_server_says_unasked_is_never_taken_for_an_answer() {
        let (mut stream, tap, mut server) = connected().await;
        hear(&tap, &mut server, b"250 2.0.0 stray\r\n").await;

        tap.begin_turn().unwrap();
        stream.write_all(b"MAIL FROM:<a@b.example>\r\n").await.unwrap_err();

        let Some(StreamFault::OutOfTurn(Some(reply))) = tap.take_fault() else {
            panic!("the stray reply was not noticed")
        };
        assert_eq!(reply.code, 250);
        assert_eq!(tap.take_reply(), None);
    }

    #[tokio::test]
    async fn a_server_that_speaks_during_the_text_gets_no_dot() {
        let (mut stream, tap, mut server) = connected().await;
        tap.arm_fence();
        stream.write_all(b"text").await.unwrap();
        hear(&tap, &mut server, b"250 2.0.0 taken\r\n").await;

        assert!(!dot_goes_out(&mut stream).await);

        assert!(!tap.is_at_fence());
        assert!(matches!(tap.take_fault(), Some(StreamFault::OutOfTurn(_))));
    }

    #[tokio::test]
    async fn a_dot_waits_until_it_is_allowed() {
        let (mut stream, tap, _server) = connected().await;
        tap.arm_fence();
        assert!(!dot_goes_out(&mut stream).await);
        assert!(tap.is_at_fence());

        tap.open_fence(Instant::now() + Duration::from_secs(5));
        assert!(dot_goes_out(&mut stream).await);
        assert!(tap.is_dot_out());
    }

    #[tokio::test]
    async fn a_dot_that_was_not_allowed_or_is_too_late_or_comes_twice_is_not_written() {
        let (mut stream, tap, _server) = connected().await;
        assert!(!dot_goes_out(&mut stream).await);

        tap.arm_fence();
        tap.shut_fence();
        assert!(!dot_goes_out(&mut stream).await);

        tap.open_fence(Instant::now());
        assert!(!dot_goes_out(&mut stream).await);
        assert!(!tap.is_dot_out());

        tap.open_fence(Instant::now() + Duration::from_secs(5));
        assert!(dot_goes_out(&mut stream).await);
        assert!(!dot_goes_out(&mut stream).await);
    }
}
