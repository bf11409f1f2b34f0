//! The hardening report: what is weak about a tenant's mail, by facts that were seen, and what to do about it.
//!
//! Rules are functions of [`Facts`] and nothing else, so that settings that are only wished for can be judged like those in
//! force: an item that the provider made mandatory refuses a save that falls below it.

use std::str::FromStr;

use crate::{
    clock::Timestamp,
    connection::{Connection, EmailSettings},
    fault::{Fault, FaultCode},
};

pub use facts::{Approvals, Codes, Credential, Facts, Tested};
pub use observation::{Observation, Seen, Session, Taken};

mod connection;
mod facts;
mod observation;
mod sender;
mod uses;

#[cfg(test)]
mod tests;

/// The field that says which client secret is used.
const SECRET: &str = "/o365/send_email_application_secret_id";

/// One thing that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item {
    /// The session to the server is encrypted, or there is none.
    RequireSmtpSsl,
    /// The server's certificate was good when it was last seen.
    CertificateVerified,
    /// The server knows who we are.
    Authentication,
    /// Nothing went, or can go, in clear.
    NoClearText,
    /// The password or client secret is not too old.
    SecretAge,
    /// The client secret does not end soon.
    SecretExpiry,
    /// The From domain is one that receivers can check the mail against.
    FromDomainAlignment,
    /// The settings in force are known to work.
    SettingsTested,
    /// Sign-in codes by email.
    TwoFactorByEmail,
    /// Where the links of access requests lead.
    ApprovalLinks,
}

impl Item {
    /// Every item, in the order of the report.
    pub const ALL: [Self; 10] = [
        Self::RequireSmtpSsl,
        Self::CertificateVerified,
        Self::Authentication,
        Self::NoClearText,
        Self::SecretAge,
        Self::SecretExpiry,
        Self::FromDomainAlignment,
        Self::SettingsTested,
        Self::TwoFactorByEmail,
        Self::ApprovalLinks,
    ];

    /// The value as clients and tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequireSmtpSsl => "require_smtp_ssl",
            Self::CertificateVerified => "certificate_verified",
            Self::Authentication => "authentication",
            Self::NoClearText => "no_clear_text",
            Self::SecretAge => "secret_age",
            Self::SecretExpiry => "secret_expiry",
            Self::FromDomainAlignment => "from_domain_alignment",
            Self::SettingsTested => "settings_tested",
            Self::TwoFactorByEmail => "two_factor_by_email",
            Self::ApprovalLinks => "approval_links",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::RequireSmtpSsl => "Require SMTP SSL",
            Self::CertificateVerified => "Server certificate verified",
            Self::Authentication => "Authentication at the mail server",
            Self::NoClearText => "No mail in clear text",
            Self::SecretAge => "Age of the password or client secret",
            Self::SecretExpiry => "Expiry of the client secret",
            Self::FromDomainAlignment => "From domain alignment",
            Self::SettingsTested => "Settings tested",
            Self::TwoFactorByEmail => "Two-factor codes by email",
            Self::ApprovalLinks => "Approval links",
        }
    }

    /// The field that a save has to change to meet the item, as a JSON pointer; empty for all of them together, none where
    /// no save could meet it.
    #[must_use]
    pub const fn decided_by(self) -> Option<&'static str> {
        match self {
            Self::RequireSmtpSsl | Self::NoClearText | Self::CertificateVerified => Some("/smtp/security"),
            Self::Authentication => Some("/smtp/username"),
            Self::SecretAge => Some("/smtp/password"),
            Self::SecretExpiry => Some(SECRET),
            Self::FromDomainAlignment => Some("/from_email_address"),
            Self::SettingsTested => Some(""),
            Self::TwoFactorByEmail | Self::ApprovalLinks => None,
        }
    }

    /// The same in settings at hand: what an SMTP server's fields decide, the secret decides for O365.
    fn pointer(self, settings: &EmailSettings) -> Option<&'static str> {
        let pointer = self.decided_by()?;
        let by_graph = matches!(
            settings,
            EmailSettings::OnPremises {
                connection: Some(Connection::O365(_)),
                ..
            }
        );
        Some(if by_graph && pointer.starts_with("/smtp/") {
            SECRET
        } else {
            pointer
        })
    }

    /// When what decides it was seen.
    #[must_use]
    pub fn checked_at(self, facts: &Facts<'_>) -> Timestamp {
        match (self, &facts.observed) {
            (Self::CertificateVerified, Some(observed)) => observed.at,
            _ => facts.now,
        }
    }

    /// What is found by these facts.
    #[must_use]
    pub fn judge(self, facts: &Facts<'_>) -> Finding {
        match self {
            Self::RequireSmtpSsl => connection::require_smtp_ssl(facts),
            Self::CertificateVerified => connection::certificate_verified(facts),
            Self::Authentication => connection::authentication(facts),
            Self::NoClearText => connection::no_clear_text(facts),
            Self::SecretAge => connection::secret_age(facts),
            Self::SecretExpiry => connection::secret_expiry(facts),
            Self::FromDomainAlignment => sender::from_domain_alignment(facts),
            Self::SettingsTested => uses::settings_tested(facts),
            Self::TwoFactorByEmail => uses::two_factor_by_email(facts),
            Self::ApprovalLinks => uses::approval_links(facts),
        }
    }
}

impl FromStr for Item {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|item| item.as_str() == text)
            .ok_or_else(|| Fault::invalid("Not an item of the report."))
    }
}

/// What the provider demands of a tenant as to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Settings that fall below it are refused.
    Mandatory,
    /// It is advice.
    Optional,
}

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// As it should be.
    Pass,
    /// It works, and is weaker than it could be.
    Warning,
    /// It is not as it should be.
    Fail,
    /// Nothing was seen yet that decides it.
    Unknown,
    /// It does not arise here.
    NotApplicable,
}

impl Status {
    /// The value as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warning => "warning",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not_applicable",
        }
    }

    /// Whether a mandatory item that stands so refuses a save. What is not known yet does not: it could never become known.
    #[must_use]
    pub const fn is_below_mandatory(self) -> bool {
        match self {
            Self::Warning | Self::Fail => true,
            Self::Pass | Self::Unknown | Self::NotApplicable => false,
        }
    }
}

/// What was found about an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub status: Status,
    /// What that was seen by.
    pub evidence: String,
    /// What to do.
    pub recommendation: String,
}

impl Finding {
    fn new(status: Status, evidence: impl Into<String>, recommendation: impl Into<String>) -> Self {
        Self {
            status,
            evidence: evidence.into(),
            recommendation: recommendation.into(),
        }
    }

    fn pass(evidence: impl Into<String>) -> Self {
        Self::new(Status::Pass, evidence, "Nothing to do.")
    }

    fn warning(evidence: impl Into<String>, recommendation: impl Into<String>) -> Self {
        Self::new(Status::Warning, evidence, recommendation)
    }

    fn fail(evidence: impl Into<String>, recommendation: impl Into<String>) -> Self {
        Self::new(Status::Fail, evidence, recommendation)
    }

    fn unknown(evidence: impl Into<String>, recommendation: impl Into<String>) -> Self {
        Self::new(Status::Unknown, evidence, recommendation)
    }

    fn not_applicable(evidence: impl Into<String>) -> Self {
        Self::new(Status::NotApplicable, evidence, "Nothing to do.")
    }

    /// The provider's relay sends; its connection is not the tenant's.
    fn provider_managed() -> Self {
        Self::not_applicable("The provider's relay sends this tenant's mail; the provider answers for its connection.")
    }

    /// There is no connection yet.
    fn unconfigured() -> Self {
        Self::unknown(
            "No connection is set.",
            "Set the email settings, and test them before saving.",
        )
    }
}

/// Why settings must not be saved: a fault for each mandatory item that they fall below.
#[must_use]
pub fn below_mandatory(mandatory: &[Item], facts: &Facts<'_>) -> Vec<Fault> {
    let below = mandatory.iter().filter_map(|item| {
        let pointer = item.pointer(facts.settings)?;
        let finding = item.judge(facts);
        finding.status.is_below_mandatory().then(|| {
            let detail = format!(
                "The provider made {} mandatory. {} {}",
                item.as_str(),
                finding.evidence,
                finding.recommendation
            );
            Fault::new(FaultCode::BelowMandatory, detail).at(pointer)
        })
    });
    below.collect()
}
