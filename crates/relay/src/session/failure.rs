//! Why a session did not do what was asked of it, in variants one can act on.
//!
//! The texts are for an administrator's eyes: they say what went wrong and never hold an address, a credential or anything
//! of the message. What a server said is in the [`Reply`], never in a text of ours.

use domain::reply::{Reply, Stage};

use super::progress::StageTime;
use crate::wire_form::WireFault;
use crate::{
    gate::GateError,
    stream::{StreamFault, WireReply},
};

/// A failure and where it happened.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the session failed at {}", stage.as_str())]
pub struct Failed {
    /// How far it came; [`Stage::Dot`] means that the dot was written.
    pub stage: Stage,
    /// What happened.
    #[source]
    pub failure: SessionFailure,
    /// The session's TLS version, where it had come so far.
    pub tls_version: Option<String>,
    /// The stages gone through, the failed one last.
    pub stages: Vec<StageTime>,
}

impl Failed {
    /// What the server said, where it is what failed.
    #[must_use]
    pub const fn reply(&self) -> Option<&Reply> {
        match &self.failure {
            SessionFailure::Refused(reply) | SessionFailure::Unexpected(reply) => Some(reply),
            SessionFailure::Blocked
            | SessionFailure::DnsNotFound
            | SessionFailure::ConnectionRefused
            | SessionFailure::Unreachable
            | SessionFailure::ConnectionTimeout
            | SessionFailure::ConnectionClosed
            | SessionFailure::TlsNotOffered
            | SessionFailure::TlsCertificateInvalid(_)
            | SessionFailure::TlsHandshakeFailed(_)
            | SessionFailure::CredentialsNeedTls
            | SessionFailure::AuthenticationNotOffered
            | SessionFailure::ProtocolViolation(_)
            | SessionFailure::SmtpUtf8NotOffered
            | SessionFailure::EightBitMimeNotOffered
            | SessionFailure::Unfit(_)
            | SessionFailure::NotSent(_) => None,
        }
    }
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionFailure {
    /// The gate does not let anybody connect there; it says no more.
    #[error("The server's address is not allowed (blocked_address).")]
    Blocked,
    /// The name has no address, or no name server answered.
    #[error("The server's name could not be resolved.")]
    DnsNotFound,
    /// Nobody listens on the port.
    #[error("The server refused the connection.")]
    ConnectionRefused,
    /// There is no way to the server.
    #[error("The server could not be reached.")]
    Unreachable,
    /// The stage's time-out ran out.
    #[error("The server did not answer in time.")]
    ConnectionTimeout,
    /// The connection was lost.
    #[error("The connection was lost.")]
    ConnectionClosed,
    /// STARTTLS is needed and not offered.
    #[error("The server does not offer STARTTLS.")]
    TlsNotOffered,
    /// The certificate, or one of the added roots, is not good; the text says why.
    #[error("The server's certificate is not valid: {0}.")]
    TlsCertificateInvalid(String),
    /// The handshake failed for another reason.
    #[error("The TLS handshake failed: {0}.")]
    TlsHandshakeFailed(String),
    /// Credentials are set for a server that is spoken to in clear.
    #[error("Credentials are never sent without TLS.")]
    CredentialsNeedTls,
    /// The server offers no mechanism we have.
    #[error(
        "The server does not offer AUTH in a way that fits the credentials (PLAIN, LOGIN, or XOAUTH2 for a token)."
    )]
    AuthenticationNotOffered,
    /// A 4xx or 5xx.
    #[error("The server refused.")]
    Refused(Reply),
    /// A 2xx or 3xx that is not an answer to what was said.
    #[error("The server's answer does not fit the command.")]
    Unexpected(Reply),
    /// What the server sent is not SMTP; the text says how.
    #[error("The server does not keep to SMTP: {0}.")]
    ProtocolViolation(String),
    /// The envelope has an address that needs SMTPUTF8 (RFC 6531 §3.4).
    #[error("The address needs SMTPUTF8, which the server does not offer.")]
    SmtpUtf8NotOffered,
    /// The text has octets over 127 (RFC 6152 §3).
    #[error("The message needs 8BITMIME, which the server does not offer.")]
    EightBitMimeNotOffered,
    /// The text must not be written as it is.
    #[error("The message is not fit for SMTP: {0}.")]
    Unfit(WireFault),
    /// The dot was held back.
    #[error("{0}")]
    NotSent(NotSent),
}

/// Why the dot was held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// Another process has the delivery now.
    #[error("The lease was lost before the message was sent.")]
    LeaseLost,
    /// The delivery is not wanted any more.
    #[error("The message was withdrawn before it was sent.")]
    Withdrawn,
    /// The mark took so long that the lease cannot be relied on.
    #[error("The dot mark came too late.")]
    TooLate,
    /// The mark could not be committed.
    #[error("The dot mark could not be committed.")]
    StoreUnavailable,
}

impl SessionFailure {
    /// A short fixed name for metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Blocked => "blocked_address",
            Self::DnsNotFound => "dns_not_found",
            Self::ConnectionRefused => "connection_refused",
            Self::Unreachable => "unreachable",
            Self::ConnectionTimeout => "timeout",
            Self::ConnectionClosed => "connection_closed",
            Self::TlsNotOffered => "tls_not_offered",
            Self::TlsCertificateInvalid(_) => "tls_certificate_invalid",
            Self::TlsHandshakeFailed(_) => "tls_handshake_failed",
            Self::CredentialsNeedTls => "credentials_need_tls",
            Self::AuthenticationNotOffered => "authentication_not_offered",
            Self::Refused(_) => "refused",
            Self::Unexpected(_) | Self::ProtocolViolation(_) => "protocol_violation",
            Self::SmtpUtf8NotOffered => "smtputf8_not_offered",
            Self::EightBitMimeNotOffered => "eight_bit_mime_not_offered",
            Self::Unfit(_) => "unfit_message",
            Self::NotSent(_) => "not_sent",
        }
    }
}

impl From<GateError> for SessionFailure {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Blocked => Self::Blocked,
            GateError::NotFound => Self::DnsNotFound,
            GateError::Refused => Self::ConnectionRefused,
            GateError::TimedOut => Self::ConnectionTimeout,
            GateError::Unreachable => Self::Unreachable,
        }
    }
}

impl From<StreamFault> for SessionFailure {
    fn from(fault: StreamFault) -> Self {
        match fault {
            StreamFault::Closed | StreamFault::DotHeld => Self::ConnectionClosed,
            StreamFault::NotAReply(what) => Self::ProtocolViolation(what.to_string()),
            // A server that is leaving, or does not want the text it is being given, may say so early.
            StreamFault::OutOfTurn(Some(reply)) if reply.code >= 400 => Self::Refused(reply.to_kept()),
            StreamFault::OutOfTurn(_) => Self::ProtocolViolation("it spoke before it was asked".to_owned()),
        }
    }
}

/// Whether a reply is one of the right ones.
pub(super) fn judge(reply: &WireReply, wanted: &[u16]) -> Result<(), SessionFailure> {
    if wanted.contains(&reply.code) {
        Ok(())
    } else if reply.code >= 400 {
        Err(SessionFailure::Refused(reply.to_kept()))
    } else {
        Err(SessionFailure::Unexpected(reply.to_kept()))
    }
}
