//! A load: so many messages over so many connections, each connection sending its next one when the last was answered.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::{net::TcpStream, task::JoinSet};

use crate::{message::Letter, smtp_load, stats::Latencies, submit};

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
    while let Some(ended) = connections.join_next().await {
        ended??;
    }
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
