//! What the last sessions tell of their protection.

use crate::{
    clock::Timestamp,
    connection::{Connection, EmailSettings},
    reply::Stage,
};

/// A session that was tried for a tenant's mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// When it ended.
    pub at: Timestamp,
    /// How far it came.
    pub stage: Stage,
    /// The TLS version, where it had come so far.
    pub tls_version: Option<String>,
    /// What went wrong, in a sentence.
    pub error: Option<String>,
    /// Whether a message was taken.
    pub taken: Taken,
}

/// Whether the next server took a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It did.
    Yes,
    /// It did not, or that is not known.
    No,
}

/// What was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// What.
    pub seen: Seen,
}

/// What was seen of a session's protection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// TLS of this version; no session goes on with a certificate that does not hold.
    Encrypted(String),
    /// The session went on in clear.
    Clear,
    /// TLS did not come about, for this reason.
    Failed(String),
    /// Microsoft was spoken to, over HTTPS.
    Graph,
}

impl Observation {
    /// The newest that tells something of a tenant's own connection; `sessions` are of these settings, in any order.
    #[must_use]
    pub fn newest(settings: &EmailSettings, sessions: &[Session]) -> Option<Self> {
        let connection = match settings {
            EmailSettings::OnPremises { connection, .. } => connection.as_ref()?,
            EmailSettings::Cloud { .. } => return None,
        };
        let told = sessions.iter().filter_map(|session| {
            let at = session.at;
            seen(connection, session).map(|seen| Self { at, seen })
        });
        told.max_by_key(|observation| observation.at)
    }
}

fn seen(connection: &Connection, session: &Session) -> Option<Seen> {
    if let Some(version) = &session.tls_version {
        return Some(Seen::Encrypted(version.clone()));
    }
    if session.stage == Stage::Tls {
        let reason = session.error.as_deref().unwrap_or("The server did not begin TLS.");
        return Some(Seen::Failed(reason.to_owned()));
    }
    match connection {
        // A server that was never asked for TLS tells nothing before it is given mail.
        Connection::Smtp(_) => (session.stage >= Stage::MailFrom).then_some(Seen::Clear),
        // Its requests begin only behind TLS.
        Connection::O365(_) => (session.stage >= Stage::Authenticate).then_some(Seen::Graph),
    }
}
