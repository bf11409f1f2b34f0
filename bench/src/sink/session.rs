//! One SMTP session at the sink: just enough of RFC 5321 for well-behaved clients, with PIPELINING (RFC 2920).

use std::sync::Arc;

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

use super::Book;
use crate::message::Tag;

const GREETING: &[u8] = b"220 sink.localhost ESMTP\r\n";
const EXTENSIONS: &[u8] = b"250-sink.localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 52428800\r\n";
const OK: &[u8] = b"250 2.0.0 Ok\r\n";
const GO_AHEAD: &[u8] = b"354 Go ahead\r\n";
const BYE: &[u8] = b"221 2.0.0 Bye\r\n";
const UNKNOWN: &[u8] = b"500 5.5.1 Unknown command\r\n";
/// The end of mail data (RFC 5321 §4.1.1.4).
const END: &[u8] = b"\r\n.\r\n";
/// Enough for a message of the usual size in one read.
const BUFFER: usize = 32 * 1024;

/// A session: what was read and not yet understood, what is to be answered.
struct Session {
    stream: TcpStream,
    book: Arc<Book>,
    input: Vec<u8>,
    output: Vec<u8>,
    tags: Vec<Tag>,
    phase: Phase,
}

enum Phase {
    Commands,
    /// Mail data; the octets before this position hold no end.
    Data(usize),
    Over,
}

/// What one step through the input came to.
enum Step {
    Understood,
    NeedsMore,
}

pub(super) async fn serve(stream: TcpStream, book: Arc<Book>) {
    let session = Session {
        stream,
        book,
        input: Vec::with_capacity(BUFFER),
        output: GREETING.to_vec(),
        tags: Vec::new(),
        phase: Phase::Commands,
    };
    // A client that breaks off has nothing more to hear.
    drop(session.run().await);
}

impl Session {
    async fn run(mut self) -> std::io::Result<()> {
        loop {
            self.stream.write_all(&self.output).await?;
            self.output.clear();
            if matches!(self.phase, Phase::Over) || self.stream.read_buf(&mut self.input).await? == 0 {
                return Ok(());
            }
            while let Step::Understood = self.step().await? {}
        }
    }

    async fn step(&mut self) -> std::io::Result<Step> {
        match self.phase {
            Phase::Commands => Ok(self.command()),
            Phase::Data(from) => self.data(from).await,
            Phase::Over => Ok(Step::NeedsMore),
        }
    }

    fn command(&mut self) -> Step {
        let Some(end) = memchr::memchr(b'\n', &self.input) else {
            return Step::NeedsMore;
        };
        let line: Vec<u8> = self.input.drain(..=end).collect();
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_slice() {
            b"EHLO" => EXTENSIONS,
            b"RCPT" => {
                self.tags.extend(recipient(&line));
                OK
            }
            b"MAIL" | b"RSET" => {
                self.tags.clear();
                OK
            }
            b"HELO" | b"NOOP" => OK,
            b"DATA" => {
                // So that a text which is empty ends like any other.
                self.input.splice(..0, *b"\r\n");
                self.phase = Phase::Data(0);
                GO_AHEAD
            }
            b"QUIT" => {
                self.phase = Phase::Over;
                BYE
            }
            _ => UNKNOWN,
        };
        self.output.extend_from_slice(answer);
        Step::Understood
    }

    async fn data(&mut self, from: usize) -> std::io::Result<Step> {
        let unseen = self.input.get(from..).unwrap_or_default();
        let Some(found) = memmem::find(unseen, END) else {
            self.phase = Phase::Data(self.input.len().saturating_sub(END.len() - 1));
            return Ok(Step::NeedsMore);
        };
        self.input.drain(..from + found + END.len());
        self.phase = Phase::Commands;
        let delay = self.book.delay();
        if !delay.is_zero() {
            self.stream.write_all(&self.output).await?;
            self.output.clear();
            sleep(delay).await;
        }
        self.book.note(&self.tags);
        self.tags.clear();
        self.output.extend_from_slice(OK);
        Ok(Step::Understood)
    }
}

/// The message that `RCPT TO:<…>` is for.
fn recipient(line: &[u8]) -> Option<Tag> {
    let open = memchr::memchr(b'<', line)?;
    let close = memchr::memchr(b'>', line)?;
    Tag::of_recipient(line.get(open + 1..close)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{
        message::{Letter, Tag},
        sink::Sink,
        smtp_load::Session,
    };

    #[tokio::test]
    async fn every_message_of_a_session_is_noted_once_under_its_own_tag() {
        let sink = Sink::start(Duration::ZERO).unwrap();
        let letter = Letter::of_size(100_000);
        let mut session = Session::open(sink.address).await.unwrap();

        for number in 0..3 {
            session.send(&letter, Tag { series: 1, number }).await.unwrap();
        }

        assert!(sink.reached(3, Duration::from_secs(10)).await);
        let numbers: Vec<u32> = sink.arrivals().iter().map(|arrival| arrival.tag.number).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(sink.duplicates(), 0);
    }

    #[tokio::test]
    async fn a_delay_is_kept_before_the_answer_to_the_dot() {
        let sink = Sink::start(Duration::from_millis(30)).unwrap();
        let mut session = Session::open(sink.address).await.unwrap();
        let began = std::time::Instant::now();

        let tag = Tag { series: 1, number: 0 };
        session.send(&Letter::of_size(10), tag).await.unwrap();

        assert!(began.elapsed() >= Duration::from_millis(30));
        assert_eq!(sink.count(), 1);
    }
}
