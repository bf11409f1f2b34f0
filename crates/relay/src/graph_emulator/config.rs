//! What the emulated Microsoft knows: directories, the applications registered there, mailboxes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use domain::{clock::Clock, secret::SecretText};
use uuid::Uuid;

use super::script::Script;

/// Everything that can be set before the start.
#[derive(Debug, Clone)]
pub struct EmulatorConfig {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The directories there are.
    pub directories: Vec<Directory>,
    /// How long tokens are good for; Microsoft's are for an hour or more.
    pub token_life: Duration,
    /// Sends of one application for one mailbox at once; further ones are throttled.
    pub at_once: usize,
    /// What goes otherwise than usual.
    pub script: Script,
    /// Stamps answers.
    pub clock: Clock,
}

impl Default for EmulatorConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            directories: Vec::new(),
            token_life: Duration::from_secs(3599),
            at_once: 4,
            script: Script::default(),
            clock: Clock::system(),
        }
    }
}

/// A Microsoft Entra directory.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Its id.
    pub id: Uuid,
    /// The domains it owns.
    pub domains: Vec<String>,
    /// The applications registered in it.
    pub applications: Vec<Registration>,
    /// Its mailboxes.
    pub mailboxes: Vec<MailboxEntry>,
}

/// An application.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its client id.
    pub client_id: Uuid,
    /// Its secrets.
    pub secrets: Vec<ClientSecret>,
    /// Its application permissions, with consent: what stands in `roles`.
    pub roles: Vec<String>,
    /// The mailboxes it may send from by RBAC for Applications, which no token shows.
    pub scoped_to: Vec<String>,
}

/// One of an application's secrets.
#[derive(Debug, Clone)]
pub struct ClientSecret {
    /// Its ID, which proves nothing.
    pub id: Uuid,
    /// Its value.
    pub value: SecretText,
    /// Whether it can be used.
    pub state: SecretState,
}

/// Whether a secret can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretState {
    /// It can.
    Good,
    /// Not any more.
    Expired,
}

/// A mailbox.
#[derive(Debug, Clone)]
pub struct MailboxEntry {
    /// Its address; upper and lower case are one.
    pub address: String,
    /// What can be done with it.
    pub state: MailboxState,
    /// Further addresses that it may send as.
    pub send_as: Vec<String>,
}

/// What can be done with a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxState {
    /// Sending.
    Online,
    /// Nothing: it is on premises, inactive or without a licence.
    Elsewhere,
    /// Nothing: Microsoft suspended the account.
    Suspended,
    /// Nothing today: it has sent as much as it may.
    Spent,
}

impl Directory {
    /// Whether the name in a request's path is this directory's.
    pub(super) fn is_called(&self, name: &str) -> bool {
        let by_id = Uuid::try_parse(name).is_ok_and(|id| id == self.id);
        by_id || self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(name))
    }
}
