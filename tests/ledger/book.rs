//! The three columns of the ledger: what was asked for and accepted, what the store says, what the sink received.

use std::collections::HashSet;

use domain::{clock::Clock, message::state::DeliveryStatus};

/// Milliseconds since the Unix epoch; harness, sink and database share one machine's clock.
pub(crate) type Millis = i64;

/// Now.
pub(crate) fn now() -> Millis {
    Clock::system().now().timestamp_millis()
}

/// One submission of the load, with all its repetitions under one idempotency key.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Its number, which also stands in the message's metadata.
    pub(crate) number: u64,
    /// Whether the load withdrew it.
    pub(crate) cancelled: bool,
    /// What was answered; none where the last repetition was refused because its time was up.
    pub(crate) accepted: Option<Accepted>,
}

/// A 202.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    /// The message's id.
    pub(crate) message: String,
    /// Its deliveries' ids.
    pub(crate) deliveries: Vec<String>,
    /// When the 202 was read.
    pub(crate) at: Millis,
}

/// A message as the store has it when everything has come to rest.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// The submission it belongs to, by its metadata.
    pub(crate) number: Option<u64>,
    /// Its id.
    pub(crate) message: String,
    /// Its tenant, kind and supersede key, where it has one.
    pub(crate) supersede: Option<(usize, String, String)>,
    /// When it is too late.
    pub(crate) expires_at: Millis,
    /// Its recipients' copies.
    pub(crate) deliveries: Vec<StoredDelivery>,
}

/// One recipient's copy.
#[derive(Debug, Clone)]
pub(crate) struct StoredDelivery {
    /// Its id, which is also the left side of its Message-ID.
    pub(crate) id: String,
    /// To whom.
    pub(crate) to: String,
    /// Where it stands.
    pub(crate) status: DeliveryStatus,
    /// How often its outcome was unknown.
    pub(crate) doubts: usize,
    /// Since when it is known to have been.
    pub(crate) doubted_at: Option<Millis>,
}

/// A message whose final dot arrived at the sink.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    /// The delivery, by the Message-ID.
    pub(crate) delivery: String,
    /// Who sent it, by the name in EHLO.
    pub(crate) node: String,
    /// When its MAIL arrived.
    pub(crate) begun_at: Millis,
    /// When its dot arrived.
    pub(crate) dot_at: Millis,
    /// Whether the 250 could be written.
    pub(crate) answered: bool,
}

/// Something that was done to the service.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// In a word or two.
    pub(crate) name: &'static str,
    /// When it began.
    pub(crate) from: Millis,
    /// When what was taken away was back.
    pub(crate) back: Millis,
}

/// A node that was held still past its leases.
#[derive(Debug, Clone)]
pub(crate) struct Frozen {
    /// Its name in EHLO.
    pub(crate) node: String,
    /// Until when.
    pub(crate) until: Millis,
    /// The deliveries that it had in hand all the while, and whose leases had run out when it woke up.
    pub(crate) held: Vec<String>,
    /// Those of them that others had brought to an end by then.
    pub(crate) ended: HashSet<String>,
}

/// Everything a check looks at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// The load's column.
    pub(crate) asked: Vec<Asked>,
    /// The store's column.
    pub(crate) stored: Vec<Stored>,
    /// The sink's column.
    pub(crate) taken: Vec<Taken>,
    /// What the sink refused after its dot: sent, and nobody has it.
    pub(crate) refused: Vec<Taken>,
    /// The possible duplicates that the processes count themselves; none where processes were killed, and their counters
    /// with them.
    pub(crate) counted: Option<usize>,
    /// What was done meanwhile.
    pub(crate) faults: Vec<Fault>,
    /// Nodes that were held still.
    pub(crate) frozen: Vec<Frozen>,
    /// When the store was read.
    pub(crate) read_at: Millis,
}

impl Evidence {
    /// Every dot that arrived.
    pub(crate) fn dots(&self) -> impl Iterator<Item = &Taken> {
        self.taken.iter().chain(&self.refused)
    }
}
