//! What both ends of the stream share: the carrier, the replies read so far, and where the dot stands.
//!
//! Whose turn it is matters as much as what is said. A server that speaks before it was asked would be read as the answer to
//! the next command, and a message be called sent that nobody took; so before each command, before the text and before the
//! dot the stream looks whether something is there, which costs nothing where nothing is.

use std::{
    collections::VecDeque,
    io,
    task::{Context, Poll, ready},
};

use tokio::{io::ReadBuf, net::TcpStream, time::Instant};

use super::{
    channel::Channel,
    reply::{NotAReply, ReplyReader, WireReply},
};

/// What ends a text (RFC 5321 §4.1.1.4). A stuffed text cannot contain it, so a write of exactly these octets is the end.
const END_OF_TEXT: &[u8] = b"\r\n.\r\n";
/// Octets read at once; replies are short.
const CHUNK: usize = 4096;

/// Why the stream failed, where lettre would only say that it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamFault {
    /// The server closed, or the network did.
    Closed,
    /// What came is no reply.
    NotAReply(NotAReply),
    /// The server spoke before it was asked; the reply, where it was a whole one.
    OutOfTurn(Option<WireReply>),
    /// The dot was forbidden, or came too late.
    DotHeld,
}

/// Where the dot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dot {
    /// No text is under way.
    None,
    /// A text may be written; its dot will wait.
    Held,
    /// The text is written, the dot waits.
    Reached,
    /// The dot may be written.
    Allowed {
        /// Not from here on.
        until: Instant,
    },
    /// The dot may not be written.
    Forbidden,
    /// At least its first octet is with the operating system.
    Out,
}

#[derive(Debug)]
pub(super) struct Wire {
    pub(super) channel: Channel,
    pub(super) replies: VecDeque<WireReply>,
    pub(super) fault: Option<StreamFault>,
    pub(super) dot: Dot,
    pub(super) reader: ReplyReader,
    /// What lettre is still to be shown of the last reply.
    shown: VecDeque<u8>,
    turn: Turn,
}

/// Whether a command is about to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Begins,
    UnderWay,
}

impl Wire {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            channel,
            replies: VecDeque::new(),
            fault: None,
            dot: Dot::None,
            reader: ReplyReader::default(),
            shown: VecDeque::new(),
            turn: Turn::UnderWay,
        }
    }

    pub(super) fn begin_turn(&mut self) -> Result<(), StreamFault> {
        if self.reader.holds_octets() || !self.replies.is_empty() || !self.shown.is_empty() {
            return Err(StreamFault::OutOfTurn(self.premature_reply()));
        }
        self.turn = Turn::Begins;
        Ok(())
    }

    pub(super) fn lend(&mut self) -> Result<TcpStream, StreamFault> {
        self.begin_turn()?;
        match std::mem::replace(&mut self.channel, Channel::Lent) {
            Channel::Clear(stream) => Ok(stream),
            Channel::Tls(_) | Channel::Lent => Err(StreamFault::Closed),
        }
    }

    pub(super) fn shut_fence(&mut self) {
        if self.dot != Dot::Out {
            self.dot = Dot::Forbidden;
        }
    }

    /// Shows lettre the next reply, as its code and no more.
    pub(super) fn poll_reply(&mut self, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.shown.is_empty() {
            match self.reader.next() {
                Ok(Some(reply)) => {
                    self.shown.extend(format!("{} .\r\n", reply.code).bytes());
                    self.replies.push_back(reply);
                }
                Ok(None) => ready!(self.poll_fill(cx))?,
                Err(fault) => return Poll::Ready(Err(self.fail(StreamFault::NotAReply(fault)))),
            }
        }
        let length = into.remaining().min(self.shown.len());
        for octet in self.shown.drain(..length) {
            into.put_slice(&[octet]);
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        if self.turn == Turn::Begins {
            self.expect_silence(cx)?;
            self.turn = Turn::UnderWay;
        }
        if octets == END_OF_TEXT {
            return self.poll_dot(cx);
        }
        self.poll_write_through(cx, octets)
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(self.channel.poll_flush(cx));
        Poll::Ready(flushed.map_err(|_| self.fail(StreamFault::Closed)))
    }

    fn poll_dot(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self.dot {
            // The session polls again once it has decided; nobody else needs to be woken.
            Dot::Held | Dot::Reached => {
                self.expect_silence(cx)?;
                self.dot = Dot::Reached;
                Poll::Pending
            }
            Dot::Allowed { until } if Instant::now() < until => {
                self.expect_silence(cx)?;
                let written = ready!(self.poll_write_through(cx, END_OF_TEXT))?;
                if written > 0 {
                    self.dot = Dot::Out;
                }
                Poll::Ready(Ok(written))
            }
            Dot::None | Dot::Allowed { .. } | Dot::Forbidden | Dot::Out => {
                Poll::Ready(Err(self.fail(StreamFault::DotHeld)))
            }
        }
    }

    fn poll_write_through(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(self.channel.poll_write(cx, octets));
        Poll::Ready(written.map_err(|_| self.fail(StreamFault::Closed)))
    }

    /// Fails where the server has said something, or gone.
    fn expect_silence(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.poll_fill(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) => {
                let reply = self.premature_reply();
                Err(self.fail(StreamFault::OutOfTurn(reply)))
            }
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    fn premature_reply(&mut self) -> Option<WireReply> {
        self.replies
            .pop_front()
            .or_else(|| self.reader.next().unwrap_or_default())
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut chunk = [0; CHUNK];
        let mut read = ReadBuf::new(&mut chunk);
        let outcome = ready!(self.channel.poll_read(cx, &mut read));
        if outcome.is_err() || read.filled().is_empty() {
            return Poll::Ready(Err(self.fail(StreamFault::Closed)));
        }
        self.reader.take_in(read.filled());
        Poll::Ready(Ok(()))
    }

    /// Keeps the first fault: what follows it is its consequence.
    fn fail(&mut self, fault: StreamFault) -> io::Error {
        self.fault.get_or_insert(fault);
        io::ErrorKind::ConnectionAborted.into()
    }
}
