//! The three columns of the ledger: what was asked for and accepted, what the store says, what the sink received.

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
}

/// A message that the sink took: its final dot arrived and was not refused.
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
    /// Since when.
    pub(crate) from: Millis,
    /// Until when.
    pub(crate) until: Millis,
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
    /// What was done meanwhile.
    pub(crate) faults: Vec<Fault>,
    /// Nodes that were held still.
    pub(crate) frozen: Vec<Frozen>,
    /// When the store was read.
    pub(crate) read_at: Millis,
}
