//! The load generator for mail servers: sessions that stay open and carry one transaction after the other.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

use crate::{
    load::{Load, Tickets},
    message::{Letter, Tag},
};

const REPLY_BUFFER: usize = 1024;
/// How often a message is tried again over a new session.
const RETRIES: u32 = 2;
/// The extension by which a server says so.
const PIPELINING: &[u8] = b"PIPELINING";
/// A server that is busy (RFC 5321 §4.2.1, 4yz) is asked again after this.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// An SMTP session with a server under measurement.
#[derive(Debug)]
pub(crate) struct Session {
    stream: TcpStream,
    input: Vec<u8>,
    /// Whether the server takes several commands at once (RFC 2920).
    pipelining: bool,
}

/// What a server said to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Accepted,
    /// For now; the session is still good.
    NotNow,
}

impl Session {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .context("the server does not answer")?;
        stream.set_nodelay(true)?;
        let mut session = Self {
            stream,
            input: Vec::with_capacity(REPLY_BUFFER),
            pipelining: false,
        };
        session.expect(220).await?;
        session.stream.write_all(b"EHLO bench.localhost\r\n").await?;
        session.expect(250).await?;
        Ok(session)
    }

    /// One transaction.
    pub(crate) async fn send(&mut self, letter: &Letter, tag: Tag) -> Result<Said> {
        let to = format!("RCPT TO:<{}>\r\n", tag.recipient());
        let codes = self
            .envelope(["MAIL FROM:<no-reply@sink.example>\r\n", &to, "DATA\r\n"])
            .await?;
        match codes {
            [250, 250, 354] => {}
            [.., 400..=599] if codes.iter().any(|code| code / 100 == 4) => {
                self.stream.write_all(b"RSET\r\n").await?;
                self.expect(250).await?;
                return Ok(Said::NotNow);
            }
            _ => bail!("the server answered {codes:?} to a transaction"),
        }
        self.stream.write_all(letter.mail(tag).as_bytes()).await?;
        match self.reply().await? {
            250 => Ok(Said::Accepted),
            400..=499 => Ok(Said::NotNow),
            code => bail!("the server answered {code} to a message"),
        }
    }

    /// Sends commands, in one write where the server takes that, and returns their codes.
    async fn envelope(&mut self, commands: [&str; 3]) -> Result<[u16; 3]> {
        if self.pipelining {
            self.stream.write_all(commands.concat().as_bytes()).await?;
        }
        let mut codes = [0; 3];
        for (code, command) in codes.iter_mut().zip(commands) {
            if !self.pipelining {
                self.stream.write_all(command.as_bytes()).await?;
            }
            *code = self.reply().await?;
        }
        Ok(codes)
    }

    async fn expect(&mut self, expected: u16) -> Result<()> {
        let code = self.reply().await?;
        if code == expected {
            return Ok(());
        }
        bail!("the server answered {code}, not {expected}")
    }

    /// The code of the next reply, all of its lines read.
    async fn reply(&mut self) -> Result<u16> {
        loop {
            while let Some(end) = memchr::memchr(b'\n', &self.input) {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                self.pipelining |= line.get(4..).is_some_and(|text| text.starts_with(PIPELINING));
                if line.get(3) != Some(&b'-') {
                    let code = line.get(..3).and_then(|code| std::str::from_utf8(code).ok());
                    return code
                        .and_then(|code| code.parse().ok())
                        .context("the server answers no SMTP");
                }
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                bail!("the server closed the session");
            }
        }
    }
}

/// Carries messages through one session after the other until there are no more tickets.
pub(crate) async fn work(address: SocketAddr, load: Arc<Load>, tickets: Arc<Tickets>) -> Result<()> {
    let mut session = Session::open(address).await?;
    let mut failures = 0;
    while let Some(number) = tickets.draw() {
        let tag = Tag {
            series: load.series,
            number,
        };
        let asked = Instant::now();
        loop {
            match session.send(&load.letter, tag).await {
                Ok(Said::Accepted) => break,
                Ok(Said::NotNow) => sleep(BUSY_PAUSE).await,
                // Some servers end a session after so many messages; what happens again at once is a fault.
                Err(error) if failures >= RETRIES => return Err(error),
                Err(_) => {
                    failures += 1;
                    sleep(BUSY_PAUSE).await;
                    session = Session::open(address).await?;
                }
            }
            if tickets.closed() {
                return Ok(());
            }
        }
        failures = 0;
        tickets.accepted(1, asked.elapsed());
    }
    Ok(())
}
