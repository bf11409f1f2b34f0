//! The next server: an SMTP server in the harness's own process, which outlives whatever is killed.
//!
//! It writes down when each final dot arrived and whether the 250 could be written. It is slow now and then, and treats
//! some addresses badly (`mix::Treatment`).

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::Rng;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

use crate::{
    book::{Millis, Taken, now},
    mix::Treatment,
    trouble::Fallible,
};

/// The longest wait for the reply to RCPT at a slow tempo, in milliseconds.
const SLOWEST_RECIPIENT: u64 = 2000;
/// The same for the reply to a dot.
const SLOWEST_TEXT: u64 = 400;

/// A running sink.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    address: SocketAddr,
    notes: Arc<Mutex<Notes>>,
}

/// How long it lets senders wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tempo {
    /// Mostly not at all.
    #[default]
    Brisk,
    /// Always, before the dot above all: so that every sender has its hands full.
    Slow,
}

/// What it has seen.
#[derive(Debug, Default)]
struct Notes {
    taken: Vec<Taken>,
    /// Refused after the dot.
    refused: Vec<Taken>,
    tempo: Tempo,
    /// Addresses that have had their first, bad treatment.
    treated: HashSet<String>,
}

impl Sink {
    pub(crate) async fn start() -> Fallible<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Self {
            address: listener.local_addr()?,
            notes: Arc::default(),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let talk = Talk::new(stream, serving.clone());
                // A client that dies in mid-sentence is what this server is here for.
                tokio::spawn(async move { talk.run().await.ok() });
            }
        });
        Ok(sink)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.notes().taken.clone()
    }

    pub(crate) fn refused(&self) -> Vec<Taken> {
        self.notes().refused.clone()
    }

    pub(crate) fn keep(&self, tempo: Tempo) {
        self.notes().tempo = tempo;
    }

    /// Lets a sender wait for a reply, up to `most` milliseconds where it is slow.
    async fn dawdle(&self, most: u64) {
        let tempo = self.notes().tempo;
        let delay = match (tempo, rand::rng().random_range(0..100)) {
            (Tempo::Slow, _) => rand::rng().random_range(most / 10..most),
            // Mostly quick, sometimes not: so that a kill finds deliveries at every stage.
            (Tempo::Brisk, 0..80) => 0,
            (Tempo::Brisk, 80..98) => rand::rng().random_range(2..40),
            (Tempo::Brisk, _) => rand::rng().random_range(100..400),
        };
        if delay > 0 {
            sleep(Duration::from_millis(delay)).await;
        }
    }

    /// Whether this is the first time that an address is treated badly.
    fn first_time(&self, address: &str) -> bool {
        self.notes().treated.insert(address.to_owned())
    }

    /// Writes a mail down; returns its place.
    fn note(&self, taken: Taken) -> usize {
        let mut notes = self.notes();
        notes.taken.push(taken);
        notes.taken.len() - 1
    }

    fn answered(&self, place: usize) {
        if let Some(taken) = self.notes().taken.get_mut(place) {
            taken.answered = true;
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection.
struct Talk {
    stream: BufReader<TcpStream>,
    sink: Sink,
    node: String,
    recipient: Option<String>,
    begun_at: Millis,
}

impl Talk {
    fn new(stream: TcpStream, sink: Sink) -> Self {
        // Where it cannot be set, replies are only slower.
        stream.set_nodelay(true).ok();
        Self {
            stream: BufReader::new(stream),
            sink,
            node: String::new(),
            recipient: None,
            begun_at: 0,
        }
    }

    async fn run(mut self) -> std::io::Result<()> {
        self.say("220 sink.example ESMTP").await?;
        while let Some(line) = self.line().await? {
            let (verb, rest) = line.split_at(line.len().min(4));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    rest.trim().clone_into(&mut self.node);
                    self.say("250-sink.example\r\n250-PIPELINING\r\n250-SIZE 20000000\r\n250 8BITMIME")
                        .await?;
                }
                "MAIL" => {
                    self.begun_at = now();
                    self.recipient = None;
                    self.say("250 2.1.0 Ok").await?;
                }
                "RCPT" => self.rcpt(rest).await?,
                "DATA" if self.recipient.is_some() => {
                    self.say("354 Go on").await?;
                    if !self.data().await? {
                        return Ok(());
                    }
                }
                "DATA" => self.say("554 5.5.1 No valid recipients").await?,
                "RSET" | "NOOP" => self.say("250 2.0.0 Ok").await?,
                "QUIT" => return self.say("221 2.0.0 Bye").await,
                _ => self.say("500 5.5.2 What?").await?,
            }
        }
        Ok(())
    }

    async fn rcpt(&mut self, rest: &str) -> std::io::Result<()> {
        let address = rest.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        self.sink.dawdle(SLOWEST_RECIPIENT).await;
        match Treatment::of(&address) {
            Treatment::Refused => self.say("550 5.1.1 No such user").await,
            Treatment::Later if self.sink.first_time(&address) => self.say("452 4.3.1 Come back later").await,
            Treatment::Greylisted if self.sink.first_time(&address) => self.say("451 4.7.1 Greylisted").await,
            Treatment::Taken | Treatment::Later | Treatment::Greylisted | Treatment::Busy | Treatment::Dropped => {
                self.recipient = Some(address);
                self.say("250 2.1.5 Ok").await
            }
        }
    }

    /// Reads a text up to its dot and judges it; whether the connection goes on.
    async fn data(&mut self) -> std::io::Result<bool> {
        let Some(delivery) = self.text().await? else {
            return Ok(false);
        };
        let dot = Taken {
            delivery,
            node: self.node.clone(),
            begun_at: self.begun_at,
            dot_at: now(),
            answered: false,
        };
        let address = self.recipient.take().unwrap_or_default();
        let treatment = Treatment::of(&address);
        if treatment == Treatment::Busy && self.sink.first_time(&address) {
            self.sink.notes().refused.push(dot);
            self.say("451 4.3.0 Busy").await?;
            return Ok(true);
        }
        let place = self.sink.note(dot);
        if treatment == Treatment::Dropped && self.sink.first_time(&address) {
            return Ok(false);
        }
        self.sink.dawdle(SLOWEST_TEXT).await;
        self.say("250 2.0.0 Ok").await?;
        self.sink.answered(place);
        Ok(true)
    }

    /// The left side of the Message-ID; none where the connection ends before the dot.
    async fn text(&mut self) -> std::io::Result<Option<String>> {
        let mut delivery = String::new();
        let mut header = String::new();
        while let Some(line) = self.line().await? {
            if line == "." {
                return Ok(Some(delivery));
            }
            // A folded line goes on with the header before it (RFC 5322 §2.2.3).
            if !line.starts_with([' ', '\t']) {
                header = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            }
            if header == "message-id" && delivery.is_empty() {
                let inside = line.split(['<', '@']).nth(1).unwrap_or_default();
                inside.clone_into(&mut delivery);
            }
        }
        Ok(None)
    }

    /// A line without its end; none at the end of the connection.
    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await?;
        let complete = line.ends_with(b"\n");
        Ok(complete.then(|| String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
    }

    async fn say(&mut self, reply: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("{reply}\r\n").as_bytes()).await
    }
}
