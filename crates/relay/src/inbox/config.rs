//! How an inbox behaves when no script says otherwise.
//!
//! The defaults are those of a modern server without TLS and AUTH on a free port of the loopback, so that a test states only
//! what it is about.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use domain::{clock::Clock, secret::SecretText};
use rustls::ServerConfig;

use super::script::Script;

/// Everything that can be set before the start.
#[derive(Debug, Clone)]
pub struct InboxConfig {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The name in the greeting and in the answer to EHLO.
    pub hostname: String,
    /// Whether and how TLS begins.
    pub tls: TlsMode,
    /// Who may send; none lets everybody.
    pub auth: Option<Accepts>,
    /// The service extensions offered.
    pub extensions: BTreeSet<Extension>,
    /// What is too much.
    pub limits: Limits,
    /// Whether octets that came in clear are kept.
    pub recording: Recording,
    /// What goes otherwise than usual.
    pub script: Script,
    /// Stamps messages.
    pub clock: Clock,
}

impl Default for InboxConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            hostname: "inbox.localhost".to_owned(),
            tls: TlsMode::Off,
            auth: None,
            extensions: Extension::ALL.into(),
            limits: Limits::default(),
            recording: Recording::Off,
            script: Script::default(),
            clock: Clock::system(),
        }
    }
}

/// How TLS begins.
#[derive(Debug, Clone)]
pub enum TlsMode {
    /// Never.
    Off,
    /// By STARTTLS (RFC 3207); clients may also stay in clear.
    StartTls(Arc<ServerConfig>),
    /// At once (RFC 8314 §3.3).
    Implicit(Arc<ServerConfig>),
}

/// A service extension that can be withheld. ENHANCEDSTATUSCODES is always offered, STARTTLS and AUTH follow their own
/// settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extension {
    /// RFC 2920; a client that pipelines without it is thrown out.
    Pipelining,
    /// RFC 6152.
    EightBitMime,
    /// RFC 6531.
    SmtpUtf8,
    /// RFC 1870; the bound holds even where it is not offered.
    Size,
}

impl Extension {
    /// Every extension.
    pub const ALL: [Self; 4] = [Self::Pipelining, Self::EightBitMime, Self::SmtpUtf8, Self::Size];
}

/// The one account that may send, and how it can say so.
#[derive(Debug, Clone)]
pub struct Accepts {
    /// The mechanisms offered, in this order.
    pub mechanisms: Vec<Mechanism>,
    /// When they are offered.
    pub offered: Offered,
    /// The account's name.
    pub user: String,
    /// Its password; for XOAUTH2, its token.
    pub password: SecretText,
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Two questions, two answers; never standardised, still asked for.
    Login,
    /// OAuth 2.0 bearer tokens as Google and Microsoft take them.
    XOAuth2,
}

impl Mechanism {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::XOAuth2 => "XOAUTH2",
        }
    }
}

/// When AUTH is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// Only once TLS protects it.
    OverTls,
    /// Even in clear: what a careless server does, and a careful client must not follow.
    Always,
}

/// What is too much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Octets of one message.
    pub message_octets: usize,
    /// Recipients of one message.
    pub recipients: usize,
    /// Connections at once; further ones get 421.
    pub connections: usize,
    /// Octets of all messages kept; the oldest are dropped.
    pub kept_octets: usize,
    /// How long a client may say nothing (RFC 5321 §4.5.3.2.7: five minutes at least).
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_octets: 10 * 1024 * 1024,
            recipients: 100,
            connections: 1000,
            kept_octets: 64 * 1024 * 1024,
            idle: Duration::from_mins(5),
        }
    }
}

/// Whether octets that came in clear are kept, credentials included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recording {
    /// They are not.
    #[default]
    Off,
    /// They are, so that a test can prove that no credential was among them.
    Clear,
}
