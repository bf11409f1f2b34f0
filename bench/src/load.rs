//! A load: so many messages over so many connections, each connection sending its next one when the last was answered.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{net::TcpStream, sync::Semaphore, task::JoinSet, time::timeout};

use crate::{message::Letter, smtp_load, stats::Latencies, submit};

/// The longest that any load may take: a million messages on a slow machine.
const LIMIT: Duration = Duration::from_hours(1);
/// How long the last answers may take.
const ANSWER: Duration = Duration::from_mins(1);
/// Connections that fill a queue.
const FILLERS: usize = 4;
/// Messages of one call, at most: Letterhead's own limit.
const LARGEST_BATCH: u32 = 500;
/// Marks what only waits.
pub(crate) const BACKLOG_SERIES: u32 = 9;

/// Where messages are handed in.
#[derive(Debug, Clone)]
pub(crate) enum Door {
    /// Letterhead's REST API.
    Rest {
        address: SocketAddr,
        senders: Arc<[Sender]>,
    },
    /// A mail server.
    Smtp(SocketAddr),
}

/// Who hands messages in over REST: a tenant, and the token of a client of its own.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) slug: String,
    pub(crate) token: String,
}

/// What is handed in.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) letter: Letter,
    pub(crate) messages: u32,
    pub(crate) connections: usize,
    /// Marks the recipients of this load.
    pub(crate) series: u32,
    /// Messages of one REST call; mail servers take one a transaction.
    pub(crate) batch: u32,
    /// Not to be sent before this instant (RFC 3339); REST only.
    pub(crate) send_at: Option<String>,
    /// No message is handed in later than this after the first.
    pub(crate) limit: Duration,
    /// Where set, each message takes a permit before it is handed in.
    pub(crate) gate: Option<Arc<Semaphore>>,
}

impl Load {
    /// Messages one by one.
    pub(crate) const fn of(letter: Letter, messages: u32, connections: usize) -> Self {
        Self {
            letter,
            messages,
            connections,
            series: 1,
            batch: 1,
            send_at: None,
            limit: LIMIT,
            gate: None,
        }
    }

    /// Under recipients of this series.
    pub(crate) const fn series(mut self, series: u32) -> Self {
        self.series = series;
        self
    }

    /// In calls of so many messages.
    pub(crate) const fn in_batches_of(mut self, batch: u32) -> Self {
        self.batch = batch;
        self
    }

    /// Within this time.
    pub(crate) const fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Each message only after a permit for it.
    pub(crate) fn after(mut self, permits: Arc<Semaphore>) -> Self {
        self.gate = Some(permits);
        self
    }

    /// Waits for a message's turn.
    pub(crate) async fn turn(&self) {
        if let Some(gate) = &self.gate
            && let Ok(permit) = gate.acquire().await
        {
            permit.forget();
        }
    }

    /// Not to be sent before this instant.
    pub(crate) fn not_before(mut self, send_at: String) -> Self {
        self.send_at = Some(send_at);
        self
    }
}

/// Fills a queue with messages of a series, as fast as it goes.
pub(crate) async fn fill(door: &Door, letter: &Letter, (series, messages): (u32, u32)) -> Result<()> {
    let load = Load::of(letter.clone(), messages, FILLERS).in_batches_of(LARGEST_BATCH);
    hand_in(door, load.series(series)).await?;
    Ok(())
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) began: Instant,
    pub(crate) took: Duration,
    pub(crate) accepted: usize,
    /// From each request to its answer.
    pub(crate) answers: Latencies,
}

/// The messages of a load that are still to be handed in, shared by its connections.
#[derive(Debug)]
pub(crate) struct Tickets {
    next: AtomicU32,
    end: u32,
    until: Instant,
    accepted: AtomicU32,
    answers: Mutex<Vec<Duration>>,
}

impl Tickets {
    fn new(messages: u32, limit: Duration) -> Self {
        Self {
            next: AtomicU32::new(0),
            end: messages,
            until: Instant::now() + limit,
            accepted: AtomicU32::new(0),
            answers: Mutex::default(),
        }
    }

    /// The next message's number.
    pub(crate) fn draw(&self) -> Option<u32> {
        self.draw_many(1).map(|numbers| numbers.start)
    }

    /// The next messages' numbers, `most` at most.
    pub(crate) fn draw_many(&self, most: u32) -> Option<std::ops::Range<u32>> {
        if self.closed() {
            return None;
        }
        let first = self.next.fetch_add(most, Ordering::Relaxed);
        (first < self.end).then(|| first..first.saturating_add(most).min(self.end))
    }

    /// Whether the time for handing in is over.
    pub(crate) fn closed(&self) -> bool {
        Instant::now() > self.until
    }

    pub(crate) fn accepted(&self, messages: u32, within: Duration) {
        self.accepted.fetch_add(messages, Ordering::Relaxed);
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(within);
    }
}

/// Hands a load in, and returns when every message was answered.
pub(crate) async fn hand_in(door: &Door, load: Load) -> Result<Taken> {
    let limit = load.limit;
    let load = Arc::new(load);
    let began = Instant::now();
    let tickets = Arc::new(Tickets::new(load.messages, load.limit));
    let mut connections = JoinSet::new();
    for _ in 0..load.connections {
        let (load, tickets) = (Arc::clone(&load), Arc::clone(&tickets));
        match door {
            Door::Rest { address, senders } => {
                connections.spawn(submit::work(*address, Arc::clone(senders), load, tickets));
            }
            Door::Smtp(address) => {
                connections.spawn(smtp_load::work(*address, load, tickets));
            }
        }
    }
    let all = async {
        while let Some(ended) = connections.join_next().await {
            ended??;
        }
        anyhow::Ok(())
    };
    timeout(limit + ANSWER, all)
        .await
        .context("answers to submissions do not come")??;
    let accepted = usize::try_from(tickets.accepted.load(Ordering::Relaxed))?;
    if accepted == 0 {
        bail!("no message was accepted");
    }
    let answers = std::mem::take(&mut *tickets.answers.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Taken {
        began,
        took: began.elapsed(),
        accepted,
        answers: Latencies::of(answers),
    })
}

/// A connection without Nagle's delay.
pub(crate) async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
