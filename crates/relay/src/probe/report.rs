//! What a test email tells: each step, the failure with what to do about it, the conversation.

use std::time::Duration;

use domain::clock::Timestamp;

/// A step of a test; SMTP has the first eight, O365 the last four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepName {
    /// Name to addresses.
    Resolve,
    /// The TCP connection.
    Connect,
    /// The server's greeting and its answer to EHLO.
    Greeting,
    /// STARTTLS and the TLS handshake.
    Tls,
    /// AUTH.
    Authenticate,
    /// The sender.
    MailFrom,
    /// The recipient.
    RcptTo,
    /// The message, up to the answer to its final dot.
    Data,
    /// What the vault's entry holds.
    Secret,
    /// The access token.
    Token,
    /// What the token allows.
    Permission,
    /// The message.
    Send,
}

impl StepName {
    /// The steps over SMTP, in the order in which they are listed.
    pub const SMTP: [Self; 8] = [
        Self::Resolve,
        Self::Connect,
        Self::Greeting,
        Self::Tls,
        Self::Authenticate,
        Self::MailFrom,
        Self::RcptTo,
        Self::Data,
    ];
    /// The steps through Microsoft Graph, in order.
    pub const O365: [Self; 4] = [Self::Secret, Self::Token, Self::Permission, Self::Send];

    /// The name as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Authenticate => "authenticate",
            Self::MailFrom => "mail_from",
            Self::RcptTo => "rcpt_to",
            Self::Data => "data",
            Self::Secret => "secret",
            Self::Token => "token",
            Self::Permission => "permission",
            Self::Send => "send",
        }
    }
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepStatus {
    /// Well.
    Ok,
    /// Well, and yet somebody should look at it.
    Warning,
    /// Not at all; the test ended there.
    Failed,
    /// It was not reached, or there was nothing to do.
    Skipped,
}

impl StepStatus {
    /// The value as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One step and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How it went.
    pub status: StepStatus,
    /// How long it took.
    pub took: Duration,
    /// One plain sentence.
    pub detail: String,
}

impl Step {
    /// A step that was not needed or not reached.
    pub(super) fn skipped(name: StepName, why: impl Into<String>) -> Self {
        Self {
            name,
            status: StepStatus::Skipped,
            took: Duration::ZERO,
            detail: why.into(),
        }
    }

    /// A step at which the test ended before it could begin.
    pub(super) fn failed(name: StepName, why: impl Into<String>) -> Self {
        Self {
            status: StepStatus::Failed,
            ..Self::skipped(name, why)
        }
    }
}

/// What kind of failure it was; clients branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each says itself")]
pub enum FailureCode {
    DnsNotFound,
    ConnectionRefused,
    ConnectionTimeout,
    ConnectionClosed,
    TlsNotOffered,
    TlsCertificateInvalid,
    TlsHandshakeFailed,
    AuthenticationFailed,
    AuthenticationNotOffered,
    SenderRejected,
    RecipientRejected,
    MessageRejected,
    BlockedAddress,
    SecretIncomplete,
    ClientSecretInvalid,
    ClientSecretExpired,
    ApplicationNotFound,
    DirectoryNotFound,
    PermissionMissing,
    MailboxNotFound,
    SendAsDenied,
    Throttled,
}

impl FailureCode {
    /// Every code.
    pub const ALL: [Self; 22] = [
        Self::DnsNotFound,
        Self::ConnectionRefused,
        Self::ConnectionTimeout,
        Self::ConnectionClosed,
        Self::TlsNotOffered,
        Self::TlsCertificateInvalid,
        Self::TlsHandshakeFailed,
        Self::AuthenticationFailed,
        Self::AuthenticationNotOffered,
        Self::SenderRejected,
        Self::RecipientRejected,
        Self::MessageRejected,
        Self::BlockedAddress,
        Self::SecretIncomplete,
        Self::ClientSecretInvalid,
        Self::ClientSecretExpired,
        Self::ApplicationNotFound,
        Self::DirectoryNotFound,
        Self::PermissionMissing,
        Self::MailboxNotFound,
        Self::SendAsDenied,
        Self::Throttled,
    ];

    /// The value as clients see it; fixed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DnsNotFound => "dns_not_found",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionTimeout => "connection_timeout",
            Self::ConnectionClosed => "connection_closed",
            Self::TlsNotOffered => "tls_not_offered",
            Self::TlsCertificateInvalid => "tls_certificate_invalid",
            Self::TlsHandshakeFailed => "tls_handshake_failed",
            Self::AuthenticationFailed => "authentication_failed",
            Self::AuthenticationNotOffered => "authentication_not_offered",
            Self::SenderRejected => "sender_rejected",
            Self::RecipientRejected => "recipient_rejected",
            Self::MessageRejected => "message_rejected",
            Self::BlockedAddress => "blocked_address",
            Self::SecretIncomplete => "secret_incomplete",
            Self::ClientSecretInvalid => "client_secret_invalid",
            Self::ClientSecretExpired => "client_secret_expired",
            Self::ApplicationNotFound => "application_not_found",
            Self::DirectoryNotFound => "directory_not_found",
            Self::PermissionMissing => "permission_missing",
            Self::MailboxNotFound => "mailbox_not_found",
            Self::SendAsDenied => "send_as_denied",
            Self::Throttled => "throttled",
        }
    }

    /// Whether a firewall or virus protection on this machine may be behind it: only where the connection itself did not
    /// come about or did not last.
    #[must_use]
    pub const fn may_be_a_firewall(self) -> bool {
        match self {
            Self::ConnectionRefused | Self::ConnectionTimeout | Self::ConnectionClosed => true,
            Self::DnsNotFound
            | Self::TlsNotOffered
            | Self::TlsCertificateInvalid
            | Self::TlsHandshakeFailed
            | Self::AuthenticationFailed
            | Self::AuthenticationNotOffered
            | Self::SenderRejected
            | Self::RecipientRejected
            | Self::MessageRejected
            | Self::BlockedAddress
            | Self::SecretIncomplete
            | Self::ClientSecretInvalid
            | Self::ClientSecretExpired
            | Self::ApplicationNotFound
            | Self::DirectoryNotFound
            | Self::PermissionMissing
            | Self::MailboxNotFound
            | Self::SendAsDenied
            | Self::Throttled => false,
        }
    }
}

/// Why a test failed, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub step: StepName,
    /// What kind.
    pub code: FailureCode,
    /// The cause, what to do, and who has to.
    pub hint: String,
}

/// What is known of the TLS session, for whoever judges the settings' hardening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSeen {
    /// `TLSv1.3` or the like.
    pub version: String,
    /// When the server's certificate runs out, where that could be read.
    pub certificate_until: Option<Timestamp>,
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Every step, in the order of its method; those not reached too.
    pub steps: Vec<Step>,
    /// Why it failed; none where the next server took the mail.
    pub failure: Option<Failure>,
    /// The mail's Message-ID, in its angle brackets.
    pub message_id: String,
    /// What was said, a line each; credentials are left out.
    pub transcript: Vec<String>,
    /// The TLS session, where there was one.
    pub tls: Option<TlsSeen>,
}

impl Report {
    /// Whether the next server took the mail.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.failure.is_none()
    }

    /// `accepted` or `failed`.
    #[must_use]
    pub const fn outcome(&self) -> &'static str {
        if self.is_accepted() { "accepted" } else { "failed" }
    }
}
