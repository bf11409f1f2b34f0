//! The stream of one session: buffered octets in, whole replies out, TLS put under it half-way.
//!
//! Only CRLF ends a line here. A lone CR or LF is reported, not repaired: which octets end a line is what smuggling is about.

use std::sync::Arc;

use rustls::{ProtocolVersion, ServerConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{House, config::Recording, data::Decoder, mailroom::Channel};

/// Octets of a line with credentials, CRLF included (RFC 4954 §4.3): the longest there is.
pub(super) const MAX_LINE: usize = 12_288;
const CHUNK: usize = 16 * 1024;

/// Why a session is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client went, or the network did.
    Closed,
    /// The client said nothing for too long.
    Idle,
    /// We hang up.
    Over,
}

/// A line as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// One line with its CRLF.
    Sound(Vec<u8>),
    /// A CR or LF stands alone in it.
    Torn,
    /// No end within [`MAX_LINE`] octets.
    Endless,
}

pub(super) struct Wire {
    link: Link,
    input: Vec<u8>,
    house: Arc<House>,
}

enum Link {
    Clear(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Only while a handshake runs or after it failed.
    Gone,
}

impl Wire {
    pub(super) const fn new(stream: TcpStream, house: Arc<House>) -> Self {
        Self {
            link: Link::Clear(stream),
            input: Vec::new(),
            house,
        }
    }

    pub(super) fn channel(&self) -> Channel {
        match &self.link {
            Link::Clear(_) | Link::Gone => Channel::Clear,
            Link::Tls(stream) => {
                let version = stream.get_ref().1.protocol_version();
                Channel::Tls(version.unwrap_or(ProtocolVersion::Unknown(0)))
            }
        }
    }

    /// Whether the client sent more than what was read so far.
    pub(super) const fn holds_more(&self) -> bool {
        !self.input.is_empty()
    }

    pub(super) async fn read_line(&mut self) -> Result<Line, End> {
        let mut searched = 0;
        loop {
            let unseen = self.input.get(searched..).unwrap_or_default();
            if let Some(at) = unseen.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.input.drain(..=searched + at).collect();
                return Ok(judge(line));
            }
            searched = self.input.len();
            if searched >= MAX_LINE {
                return Ok(Line::Endless);
            }
            self.fill().await?;
        }
    }

    /// Reads a text up to its CRLF.CRLF.
    pub(super) async fn read_data(&mut self, mut decoder: Decoder) -> Result<Decoder, End> {
        loop {
            let taken = decoder.take(&self.input);
            self.input.drain(..taken);
            if decoder.is_complete() {
                return Ok(decoder);
            }
            self.fill().await?;
        }
    }

    /// Reads so many octets and forgets them.
    pub(super) async fn discard(&mut self, octets: usize) -> Result<(), End> {
        let mut wanted = octets;
        while wanted > 0 {
            if self.input.is_empty() {
                self.fill().await?;
            }
            let taken = wanted.min(self.input.len());
            self.input.drain(..taken);
            wanted -= taken;
        }
        Ok(())
    }

    pub(super) async fn write(&mut self, octets: &[u8]) -> Result<(), End> {
        let idle = self.house.config.limits.idle;
        let written = timeout(idle, async {
            match &mut self.link {
                Link::Clear(stream) => stream.write_all(octets).await,
                Link::Tls(stream) => {
                    stream.write_all(octets).await?;
                    stream.flush().await
                }
                Link::Gone => Err(std::io::ErrorKind::NotConnected.into()),
            }
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Closed),
            Err(_) => Err(End::Idle),
        }
    }

    /// Writes one reply; lines before the last are given with their own CRLF.
    pub(super) async fn say(&mut self, reply: &str) -> Result<(), End> {
        self.write(format!("{reply}\r\n").as_bytes()).await
    }

    /// Puts TLS under the session; everything said in clear before is the client's word no more (RFC 3207 §4.2).
    pub(super) async fn secure(&mut self, config: Arc<ServerConfig>) -> Result<(), End> {
        let Link::Clear(stream) = std::mem::replace(&mut self.link, Link::Gone) else {
            return Err(End::Over);
        };
        let handshake = TlsAcceptor::from(config).accept(stream);
        match timeout(self.house.config.limits.idle, handshake).await {
            Ok(Ok(stream)) => {
                self.link = Link::Tls(Box::new(stream));
                Ok(())
            }
            Ok(Err(_)) => Err(End::Closed),
            Err(_) => Err(End::Over),
        }
    }

    /// Ends TLS properly and the stream with it; a client that went first is no matter.
    pub(super) async fn close(&mut self) {
        let closing = async {
            match &mut self.link {
                Link::Clear(stream) => stream.shutdown().await,
                Link::Tls(stream) => stream.shutdown().await,
                Link::Gone => Ok(()),
            }
        };
        drop(timeout(self.house.config.limits.idle, closing).await);
    }

    async fn fill(&mut self) -> Result<(), End> {
        self.input.reserve(CHUNK);
        let before = self.input.len();
        let reading = async {
            match &mut self.link {
                Link::Clear(stream) => stream.read_buf(&mut self.input).await,
                Link::Tls(stream) => stream.read_buf(&mut self.input).await,
                Link::Gone => Ok(0),
            }
        };
        match timeout(self.house.config.limits.idle, reading).await {
            Ok(Ok(1..)) => {
                self.record(before);
                Ok(())
            }
            Ok(Ok(0) | Err(_)) => Err(End::Closed),
            Err(_) => Err(End::Idle),
        }
    }

    fn record(&self, from: usize) {
        if self.channel() == Channel::Clear && self.house.config.recording == Recording::Clear {
            let fresh = self.input.get(from..).unwrap_or_default();
            self.house.mailroom.record_clear(fresh);
        }
    }
}

fn judge(line: Vec<u8>) -> Line {
    match line.strip_suffix(b"\r\n") {
        Some(content) if !content.contains(&b'\r') => {
            if line.len() > MAX_LINE {
                Line::Endless
            } else {
                Line::Sound(line)
            }
        }
        _ => Line::Torn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crlf_ends_a_line() {
        assert_eq!(judge(b"NOOP\r\n".to_vec()), Line::Sound(b"NOOP\r\n".to_vec()));
        assert_eq!(judge(b"NOOP\n".to_vec()), Line::Torn);
        assert_eq!(judge(b"NO\rOP\r\n".to_vec()), Line::Torn);
        assert_eq!(judge(b"NOOP\r\r\n".to_vec()), Line::Torn);
    }
}
