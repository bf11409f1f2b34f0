//! A tenant's own way out, as the pools keep it: the sessions to its SMTP server, or the way in to its mailbox.

use std::sync::Arc;

use super::{entrance::Entrance, server_pool::ServerPool};

/// What stands for one version of a tenant's settings without holding a secret of them.
pub(crate) type Fingerprint = [u8; 32];

/// One tenant's.
#[derive(Debug)]
pub(super) enum Own {
    /// Its SMTP server's.
    Server(Arc<ServerPool>),
    /// Its mailbox's.
    Mailbox(Arc<Mailbox>),
}

/// The way in to one tenant's mailbox. Connections belong to the HTTP client.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(super) settings: Fingerprint,
    pub(super) entrance: Entrance,
}

impl Own {
    pub(super) fn entrance(&self) -> &Entrance {
        match self {
            Self::Server(pool) => pool.entrance(),
            Self::Mailbox(mailbox) => &mailbox.entrance,
        }
    }

    pub(super) fn prune(&self) {
        match self {
            Self::Server(pool) => pool.prune(),
            Self::Mailbox(_) => {}
        }
    }

    pub(super) fn close(&self) {
        match self {
            Self::Server(pool) => pool.close(),
            Self::Mailbox(_) => {}
        }
    }
}

impl Mailbox {
    pub(crate) const fn entrance(&self) -> &Entrance {
        &self.entrance
    }
}
