//! What arrived: messages within a bound of memory, command lines, and who waits for them.
//!
//! A message is here before its 250 is written, so that a client that has read the 250 finds it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::clock::{Clock, Timestamp};
use mail_parser::MessageParser;
use rustls::ProtocolVersion;
use tokio::sync::{broadcast, watch};

/// Messages a lagging subscriber can be behind.
const FEED: usize = 1024;
/// Command lines kept.
const COMMANDS: usize = 10_000;

/// A message as it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// MAIL's path without angle brackets; empty for a bounce.
    pub reverse_path: String,
    /// RCPT's paths without angle brackets, those that were accepted.
    pub forward_paths: Vec<String>,
    /// The message, without the dots that transparency added (RFC 5321 §4.5.2).
    pub data: Vec<u8>,
    /// When its last octet came.
    pub received_at: Timestamp,
    /// What it travelled over.
    pub channel: Channel,
    /// Who sent it, where the session authenticated.
    pub user: Option<String>,
}

impl Captured {
    /// The Subject, decoded; none where there is none or the message cannot be read.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        self.parsed()?.subject().map(str::to_owned)
    }

    /// The message as `mail-parser` reads it, which shares no code with the composer.
    #[must_use]
    pub fn parsed(&self) -> Option<mail_parser::Message<'_>> {
        MessageParser::default().parse(&self.data)
    }
}

/// What a message travelled over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// TCP as it is.
    Clear,
    /// TLS of this version.
    Tls(ProtocolVersion),
}

/// Fewer messages came than were waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{arrived} of {wanted} messages arrived in time")]
pub struct NotArrived {
    /// How many were waited for.
    pub wanted: u64,
    /// How many came.
    pub arrived: u64,
}

#[derive(Debug)]
pub(super) struct Mailroom {
    clock: Clock,
    kept_octets: usize,
    kept: Mutex<Kept>,
    received: watch::Sender<u64>,
    feed: broadcast::Sender<Arc<Captured>>,
    connections: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    messages: VecDeque<Arc<Captured>>,
    octets: usize,
    commands: VecDeque<String>,
    clear_octets: Vec<u8>,
}

impl Mailroom {
    pub(super) fn new(kept_octets: usize, clock: Clock) -> Self {
        Self {
            clock,
            kept_octets,
            kept: Mutex::default(),
            received: watch::Sender::new(0),
            feed: broadcast::Sender::new(FEED),
            connections: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn keep(&self, message: Captured) {
        let message = Arc::new(message);
        {
            let mut kept = self.kept();
            kept.octets += message.data.len();
            kept.messages.push_back(Arc::clone(&message));
            // The newest stays even where it alone is over the bound: a test that sends one wants to see it.
            while kept.octets > self.kept_octets && kept.messages.len() > 1 {
                let dropped = kept.messages.pop_front().map_or(0, |oldest| oldest.data.len());
                kept.octets -= dropped;
            }
        }
        self.received.send_modify(|count| *count += 1);
        // An error means that nobody listens.
        drop(self.feed.send(message));
    }

    pub(super) fn log_command(&self, line: String) {
        let mut kept = self.kept();
        if kept.commands.len() == COMMANDS {
            kept.commands.pop_front();
        }
        kept.commands.push_back(line);
    }

    pub(super) fn record_clear(&self, octets: &[u8]) {
        self.kept().clear_octets.extend_from_slice(octets);
    }

    pub(super) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    pub(super) fn messages(&self) -> Vec<Arc<Captured>> {
        self.kept().messages.iter().cloned().collect()
    }

    pub(super) fn received(&self) -> u64 {
        *self.received.borrow()
    }

    pub(super) fn commands(&self) -> Vec<String> {
        self.kept().commands.iter().cloned().collect()
    }

    pub(super) fn clear_octets(&self) -> Vec<u8> {
        self.kept().clear_octets.clone()
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Captured>> {
        self.feed.subscribe()
    }

    pub(super) async fn wait_for(&self, wanted: u64, within: Duration) -> Result<Vec<Arc<Captured>>, NotArrived> {
        let mut received = self.received.subscribe();
        let enough = received.wait_for(|count| *count >= wanted);
        match tokio::time::timeout(within, enough).await {
            Ok(_) => Ok(self.messages()),
            Err(_) => Err(NotArrived {
                wanted,
                arrived: self.received(),
            }),
        }
    }

    pub(super) fn clear(&self) {
        *self.kept() = Kept::default();
        self.received.send_replace(0);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &[u8]) -> Captured {
        Captured {
            reverse_path: String::new(),
            forward_paths: Vec::new(),
            data: data.to_vec(),
            received_at: Timestamp::default(),
            channel: Channel::Clear,
            user: None,
        }
    }

    #[test]
    fn the_oldest_messages_go_when_memory_is_full_and_the_count_stays() {
        let room = Mailroom::new(8, Clock::system());
        for data in [b"aaaa", b"bbbb", b"cccc"] {
            room.keep(message(data));
        }
        let kept: Vec<_> = room.messages().iter().map(|m| m.data.clone()).collect();
        assert_eq!(kept, [b"bbbb", b"cccc"]);
        assert_eq!(room.received(), 3);
    }

    #[test]
    fn a_message_over_the_bound_is_kept_alone() {
        let room = Mailroom::new(2, Clock::system());
        room.keep(message(b"aaaa"));
        assert_eq!(room.messages().len(), 1);
    }
}
