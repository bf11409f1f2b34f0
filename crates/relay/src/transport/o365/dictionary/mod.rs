//! What Microsoft's errors mean: a code for programs, words for people, and who can mend it.
//!
//! The errors are data ([`entra`], [`graph`], [`general`]); this module only finds the line. What becomes of the mail depends on the
//! `error` and the status, as the protocol defines them; Entra's numbers only choose the words, since Microsoft adds and
//! changes them at will.

use super::{refusal::Refusal, steps::Step};

mod entra;
mod general;
mod graph;

/// What failed, as a test's answer says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// The vault's entry lacks something.
    SecretIncomplete,
    /// The client secret is not the application's.
    ClientSecretInvalid,
    /// The client secret was right once.
    ClientSecretExpired,
    /// The directory does not know the application, or has blocked it.
    ApplicationNotFound,
    /// There is no such directory in this cloud.
    DirectoryNotFound,
    /// Entra gives no token for another reason.
    AuthenticationFailed,
    /// The application may not send as this mailbox.
    PermissionMissing,
    /// The From address has no mailbox in this directory.
    MailboxNotFound,
    /// The From header names another sender than the mailbox.
    SendAsDenied,
    /// The mailbox exists and may not send.
    SenderRejected,
    /// The To address is none.
    RecipientRejected,
    /// The message itself is refused.
    MessageRejected,
    /// Too much was asked in too short a time.
    Throttled,
    /// Microsoft's service fails.
    ServiceUnavailable,
    /// The request was out and no clear answer came: the mail may have been sent.
    OutcomeUnknown,
    /// The mail was stopped before it was out.
    NotSent,
    /// The gate lets nobody go there.
    BlockedAddress,
    /// The name has no address.
    DnsNotFound,
    /// Nobody listens there.
    ConnectionRefused,
    /// Nobody answers.
    ConnectionTimeout,
    /// The connection was lost.
    ConnectionClosed,
    /// The certificate is not good.
    TlsCertificateInvalid,
    /// No TLS for another reason.
    TlsHandshakeFailed,
    /// What came is not what Microsoft documents.
    ProtocolViolation,
}

impl FailureCode {
    /// The code as clients read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretIncomplete => "secret_incomplete",
            Self::ClientSecretInvalid => "client_secret_invalid",
            Self::ClientSecretExpired => "client_secret_expired",
            Self::ApplicationNotFound => "application_not_found",
            Self::DirectoryNotFound => "directory_not_found",
            Self::AuthenticationFailed => "authentication_failed",
            Self::PermissionMissing => "permission_missing",
            Self::MailboxNotFound => "mailbox_not_found",
            Self::SendAsDenied => "send_as_denied",
            Self::SenderRejected => "sender_rejected",
            Self::RecipientRejected => "recipient_rejected",
            Self::MessageRejected => "message_rejected",
            Self::Throttled => "throttled",
            Self::ServiceUnavailable => "service_unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::NotSent => "not_sent",
            Self::BlockedAddress => "blocked_address",
            Self::DnsNotFound => "dns_not_found",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionTimeout => "connection_timeout",
            Self::ConnectionClosed => "connection_closed",
            Self::TlsCertificateInvalid => "tls_certificate_invalid",
            Self::TlsHandshakeFailed => "tls_handshake_failed",
            Self::ProtocolViolation => "protocol_violation",
        }
    }
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Whoever keeps these email settings and the vault's entry.
    Settings,
    /// An administrator of the Microsoft Entra directory.
    Directory,
    /// An administrator of Exchange Online.
    Exchange,
    /// Whoever looks after the network that Letterhead runs in.
    Network,
    /// Whoever wrote the message.
    Author,
    /// Nobody: it passes.
    Nobody,
}

impl Who {
    /// The value as clients read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings_administrator",
            Self::Directory => "entra_administrator",
            Self::Exchange => "exchange_administrator",
            Self::Network => "network_administrator",
            Self::Author => "author",
            Self::Nobody => "nobody",
        }
    }
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// For programs.
    pub code: FailureCode,
    /// Who has to act.
    pub who: Who,
    /// What to do, in plain words.
    pub hint: &'static str,
}

/// What a refusal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The settings, the directory or the mailbox are wrong: the tenant's mail waits until somebody mends them.
    Configuration,
    /// It may work later.
    Later,
    /// The recipient is refused.
    Recipient,
    /// The message is refused.
    Message,
    /// A gateway gave up on who was behind it: the mail may have been taken.
    Doubt,
}

/// A line about one of Entra's numbers.
struct Numbered {
    number: u32,
    meaning: Meaning,
}

/// A line about one of Graph's codes.
struct Named {
    name: &'static str,
    effect: Effect,
    meaning: Meaning,
}

/// What a refusal means.
pub(super) fn meaning(step: Step, refusal: &Refusal) -> Meaning {
    match step {
        Step::Secret | Step::Token => of_entra(refusal),
        Step::Permission | Step::Send => match named(refusal) {
            // A known name says more than a status, save where the two do not fit.
            Some(line) if !is_throttling(refusal) || line.effect == Effect::Later => line.meaning,
            Some(_) | None => of_code(code_by_status(refusal)),
        },
    }
}

/// What a refusal asks for.
pub(super) fn effect(step: Step, refusal: &Refusal) -> Effect {
    if is_throttling(refusal) {
        return Effect::Later;
    }
    match step {
        Step::Secret | Step::Token => {
            let passes = matches!(refusal.error.as_str(), "temporarily_unavailable" | "server_error");
            if passes || refusal.status >= 500 {
                Effect::Later
            } else {
                Effect::Configuration
            }
        }
        Step::Permission | Step::Send => {
            named(refusal).map_or_else(|| effect_by_status(refusal.status), |line| line.effect)
        }
    }
}

/// The general line about a code.
pub(super) fn of_code(code: FailureCode) -> Meaning {
    general::LINES
        .iter()
        .find(|meaning| meaning.code == code)
        .copied()
        .unwrap_or(Meaning {
            code,
            who: Who::Nobody,
            hint: general::NOTHING_KNOWN,
        })
}

fn of_entra(refusal: &Refusal) -> Meaning {
    let by_number = entra::LINES.iter().find(|line| Some(line.number) == refusal.number);
    if let Some(line) = by_number {
        return line.meaning;
    }
    of_code(match (effect(Step::Token, refusal), refusal.error.as_str()) {
        (Effect::Later, _) if is_throttling(refusal) => FailureCode::Throttled,
        (Effect::Later, _) => FailureCode::ServiceUnavailable,
        (_, "invalid_client") => FailureCode::ClientSecretInvalid,
        (_, "unauthorized_client") => FailureCode::ApplicationNotFound,
        (_, _) => FailureCode::AuthenticationFailed,
    })
}

fn named(refusal: &Refusal) -> Option<&'static Named> {
    graph::LINES
        .iter()
        .find(|line| line.name.eq_ignore_ascii_case(&refusal.error))
}

const fn is_throttling(refusal: &Refusal) -> bool {
    matches!(refusal.status, 429 | 503)
}

/// For what Graph has no name for, or one that is new.
const fn effect_by_status(status: u16) -> Effect {
    match status {
        400 | 411 | 413 | 415 | 422 => Effect::Message,
        408 | 502 | 504 => Effect::Doubt,
        423 | 425 | 500.. => Effect::Later,
        // A redirection too: nobody is followed, so the address is wrong.
        _ => Effect::Configuration,
    }
}

const fn code_by_status(refusal: &Refusal) -> FailureCode {
    match (refusal.status, effect_by_status(refusal.status)) {
        (429 | 503, _) => FailureCode::Throttled,
        (401, _) => FailureCode::AuthenticationFailed,
        (403, _) => FailureCode::PermissionMissing,
        (404, _) => FailureCode::MailboxNotFound,
        (_, Effect::Message) => FailureCode::MessageRejected,
        (_, Effect::Recipient) => FailureCode::RecipientRejected,
        (_, Effect::Doubt) => FailureCode::OutcomeUnknown,
        (_, Effect::Later) => FailureCode::ServiceUnavailable,
        (_, Effect::Configuration) => FailureCode::ProtocolViolation,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_error_has_one_line_and_each_line_says_what_to_do() {
        let numbers: HashSet<_> = entra::LINES.iter().map(|line| line.number).collect();
        let names: HashSet<_> = graph::LINES.iter().map(|line| line.name.to_ascii_lowercase()).collect();
        let codes: HashSet<_> = general::LINES.iter().map(|meaning| meaning.code).collect();
        assert_eq!(numbers.len(), entra::LINES.len());
        assert_eq!(names.len(), graph::LINES.len());
        assert_eq!(codes.len(), general::LINES.len());

        let hints = (entra::LINES.iter().map(|line| line.meaning.hint))
            .chain(graph::LINES.iter().map(|line| line.meaning.hint))
            .chain(general::LINES.iter().map(|meaning| meaning.hint));
        for hint in hints {
            assert!(hint.len() > 20 && hint.ends_with('.'), "{hint:?}");
        }
    }

    #[test]
    fn throttling_passes_whatever_name_it_has() {
        let refusal = Refusal {
            status: 503,
            error: "ErrorAccessDenied".to_owned(),
            number: None,
            text: String::new(),
            retry_after: None,
            request_id: None,
        };
        assert_eq!(effect(Step::Send, &refusal), Effect::Later);
        assert_eq!(meaning(Step::Send, &refusal).code, FailureCode::Throttled);
    }
}
