//! How mail leaves: servers, credentials, the shared relay's routes and a tenant's own connection.
//!
//! A Cloud tenant has no connection at all, by type: [`EmailSettings::Cloud`] holds branding and nothing else.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::{
    address::Domain,
    branding::Branding,
    clock::Timestamp,
    fault::Fault,
    ids::RouteId,
    secret::{ExposeSecret, SecretText},
};

pub use o365::{Application, Cloud, Directory, MAX_O365_REQUEST, O365, least_o365_request};
pub use password::PasswordChange;

mod o365;
mod password;

/// Longest username or password, in octets: what fits the 12,288 octets of an AUTH line (RFC 4954 §4.5.3) with room.
pub const MAX_CREDENTIAL: usize = 1024;
/// Longest CA bundle, in octets.
pub const MAX_CA_PEM: usize = 64 * 1024;

/// How the session to a server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// TLS from the first byte (RFC 8314 §3.3).
    ImplicitTls,
    /// STARTTLS, or no session (RFC 3207).
    StartTls,
    /// STARTTLS where offered; never with credentials in clear.
    StartTlsOptional,
    /// Clear text; no credentials.
    None,
}

impl Security {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::ImplicitTls, Self::StartTls, Self::StartTlsOptional, Self::None];

    /// The value as clients write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ImplicitTls => "implicit_tls",
            Self::StartTls => "starttls",
            Self::StartTlsOptional => "starttls_optional",
            Self::None => "none",
        }
    }

    /// The port where none is given: 465 (RFC 8314 §7.3), 587 (RFC 6409 §3.1), 25 (RFC 5321 §4.5.4.2).
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::ImplicitTls => 465,
            Self::StartTls | Self::StartTlsOptional => 587,
            Self::None => 25,
        }
    }
}

impl FromStr for Security {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|security| security.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of implicit_tls, starttls, starttls_optional, none."))
    }
}

/// A server by name or by address.
///
/// Only the canonical spelling of an address is one: `127.1`, `0x7f.1` or `[::1]` are refused, so that the outbound gate and
/// a reader see the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS name, in A-labels; single labels are allowed here (`localhost`, a container's name).
    Name(String),
    /// An IPv4 or IPv6 address.
    Address(IpAddr),
}

impl FromStr for Host {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Address(address));
        }
        let wrong = || Fault::invalid("A host name, an IPv4 address, or an IPv6 address without brackets.");
        let name = match text.parse::<Domain>() {
            Ok(domain) => domain.as_str().to_owned(),
            // One label: LDH (RFC 952), and at least one letter, so that no spelling of a number is a name.
            Err(_) if is_single_label(text) => text.to_ascii_lowercase(),
            Err(_) => return Err(wrong()),
        };
        let last_label = name.rsplit('.').next().unwrap_or_default();
        if last_label.starts_with("0x") {
            return Err(wrong());
        }
        Ok(Self::Name(name))
    }
}

fn is_single_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with('-')
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// An SMTP server and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// Where it is.
    pub host: Host,
    /// Its TCP port, 1–65535.
    pub port: u16,
    /// How the session is protected.
    pub security: Security,
    /// Who we are there.
    pub credentials: Option<Credentials>,
    /// Further trusted roots, PEM; certificates are always checked.
    pub ca_certificate_pem: Option<String>,
}

impl SmtpServer {
    /// The account, where there is one.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        let credentials = self.credentials.as_ref();
        credentials.map(|credentials| credentials.username.as_str())
    }

    /// The account's password; an empty one is none.
    #[must_use]
    pub fn password(&self) -> Option<&SecretText> {
        match &self.credentials.as_ref()?.proof {
            Proof::Password(password) if !password.expose_secret().is_empty() => Some(password),
            Proof::Password(_) | Proof::AccessToken(_) => None,
        }
    }

    /// Whether a password for the one would go nowhere else by the other: every field that decides where it is sent, as whose
    /// it is said, and who could read it on the way.
    #[must_use]
    pub fn is_same_destination(&self, other: &Self) -> bool {
        self.host == other.host
            && self.port == other.port
            && self.security == other.security
            && self.ca_certificate_pem == other.ca_certificate_pem
            && self.username() == other.username()
    }
}

/// Who we are at a server, and what proves it (RFC 4954).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub username: String,
    /// What shows that it is ours.
    pub proof: Proof,
}

/// What proves an identity; it decides the SASL mechanism. It has no `Debug` of its own: a secret is never shown.
#[derive(Clone)]
pub enum Proof {
    /// The account's password: PLAIN (RFC 4616) or LOGIN.
    Password(SecretText),
    /// An OAuth 2.0 access token: XOAUTH2, as Google and Microsoft take it.
    AccessToken(SecretText),
}

/// Compares our own settings with each other, to see whether they changed; never what a stranger sent, so time does not tell.
impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Password(one), Self::Password(other)) | (Self::AccessToken(one), Self::AccessToken(other)) => {
                one.expose_secret() == other.expose_secret()
            }
            (Self::Password(_), Self::AccessToken(_)) | (Self::AccessToken(_), Self::Password(_)) => false,
        }
    }
}

impl Eq for Proof {}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A smarthost of the shared relay.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its id.
    pub id: RouteId,
    /// Its name, unique among routes.
    pub name: String,
    /// The server behind it.
    pub server: SmtpServer,
    /// Connections a relay process keeps at most, 1–1000.
    pub max_connections: u32,
    /// Messages a second that a relay process sends at most; none is no bound.
    pub messages_per_second: Option<u32>,
    /// Lower goes first.
    pub priority: i32,
    /// Share among routes of one priority, 1–1000.
    pub weight: u32,
    /// Rises with every change; a pool of an older version is closed.
    pub version: i64,
    /// Set while an operator keeps mail from it.
    pub paused: Option<Paused>,
}

/// Why and since when something is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// When it was stopped.
    pub at: Timestamp,
    /// What the operator said.
    pub reason: Option<String>,
}

/// What a relay process's circuit breaker says of a route; from best to worst once anything is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteHealth {
    /// No process that lives has used it.
    Unknown,
    /// Mail takes it.
    Closed,
    /// It failed, and is being tried again.
    HalfOpen,
    /// It failed, and is left alone for a while.
    Open,
}

impl RouteHealth {
    /// Every value.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Closed, Self::HalfOpen, Self::Open];

    /// The value as clients and tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// An on-premises tenant's own way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Its SMTP server.
    Smtp(SmtpServer),
    /// Its Office 365 mailbox, through Microsoft Graph; the mailbox is the From address.
    O365(O365),
}

impl Connection {
    /// The names of the send methods, as clients and tables write them.
    pub const METHODS: [&'static str; 2] = ["smtp", "o365"];

    /// The send method's name.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Smtp(_) => "smtp",
            Self::O365(_) => "o365",
        }
    }

    /// Its SMTP server, where it has one.
    #[must_use]
    pub const fn smtp(&self) -> Option<&SmtpServer> {
        match self {
            Self::Smtp(server) => Some(server),
            Self::O365(_) => None,
        }
    }
}

/// A tenant's email settings, by edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailSettings {
    /// The provider's relay sends; the tenant brands.
    Cloud {
        /// What recipients see.
        branding: Branding,
    },
    /// The tenant's own server sends, once it is configured.
    OnPremises {
        /// What recipients see, once set.
        branding: Option<Branding>,
        /// The way out, once set.
        connection: Option<Connection>,
    },
}

impl EmailSettings {
    /// What recipients see, where it is set.
    #[must_use]
    pub const fn branding(&self) -> Option<&Branding> {
        match self {
            Self::Cloud { branding } => Some(branding),
            Self::OnPremises { branding, .. } => branding.as_ref(),
        }
    }

    /// The tenant's own way out, where it has one.
    #[must_use]
    pub const fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Cloud { .. } => None,
            Self::OnPremises { connection, .. } => connection.as_ref(),
        }
    }

    /// Whether mail can be sent by these.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        match self {
            Self::Cloud { .. } => true,
            Self::OnPremises { branding, connection } => branding.is_some() && connection.is_some(),
        }
    }

    /// Whether mail leaves by another way than by `before`: another connection, or, where the From address is the mailbox that
    /// sends (O365), another address.
    #[must_use]
    pub fn is_another_way_than(&self, before: &Self) -> bool {
        let mailbox = |settings: &Self| match settings.connection() {
            Some(Connection::O365(_)) => settings.branding().map(|branding| branding.from_address.clone()),
            Some(Connection::Smtp(_)) | None => None,
        };
        self.connection() != before.connection() || mailbox(self) != mailbox(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_canonical_addresses() {
        for good in [
            "smtp.example.com",
            "localhost",
            "mail-1",
            "10.0.0.1",
            "2001:db8::1",
            "bücher.example",
        ] {
            assert!(good.parse::<Host>().is_ok(), "{good:?} was refused");
        }
        for bad in [
            "",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0x7f000001",
            "[::1]",
            "a b",
            "smtp.example.com:25",
            "http://x",
            "017700000001",
            "1.2.3.0x4",
            "-a",
            "a-",
        ] {
            assert!(bad.parse::<Host>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn names_of_security_round_trip() {
        for security in Security::ALL {
            assert_eq!(security.as_str().parse(), Ok(security));
        }
    }
}
