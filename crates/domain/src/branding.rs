//! The letterhead: whose name and address recipients see, and when the provider's stands in for the tenant's.

use std::str::FromStr;

use crate::{
    address::{DisplayName, Domain, EmailAddress},
    fault::{Fault, FaultCode},
    tenant::Slug,
};

/// What a tenant writes on its mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branding {
    /// The From address.
    pub from_address: EmailAddress,
    /// The name beside it; a Cloud tenant always has one.
    pub from_name: Option<DisplayName>,
}

/// What happens to a Cloud tenant's From whose domain nobody has proven to be its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SenderVerification {
    /// The fallback From is used, the tenant's own becomes Reply-To.
    #[default]
    Rewrite,
    /// Such a From cannot be saved.
    Require,
    /// Any From is used as it is.
    Off,
}

impl SenderVerification {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Rewrite, Self::Require, Self::Off];

    /// The value as the configuration writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rewrite => "rewrite",
            Self::Require => "require",
            Self::Off => "off",
        }
    }
}

impl FromStr for SenderVerification {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|value| value.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of rewrite, require, off."))
    }
}

/// The provider, as far as recipients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name, in the fallback From and in mails.
    pub name: DisplayName,
    /// Its own mail domain.
    pub relay_domain: Domain,
    /// What it asks of a Cloud tenant's From.
    pub sender_verification: SenderVerification,
}

/// A From or Reply-To as it will be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The address.
    pub address: EmailAddress,
    /// The name beside it.
    pub name: Option<DisplayName>,
}

impl std::fmt::Display for Mailbox {
    /// The mailbox as people read it (RFC 5322 §3.4): the name quoted where it must be, not encoded.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(name) = &self.name else {
            return write!(f, "{}", self.address);
        };
        let special = |c: char| "()<>[]:;@\\,.\"".contains(c);
        if name.as_str().contains(special) {
            let quoted = name.as_str().replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "\"{quoted}\" <{}>", self.address)
        } else {
            write!(f, "{name} <{}>", self.address)
        }
    }
}

/// Why the rendered From is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromReason {
    /// The tenant's own server sends its own From.
    OnPremises,
    /// The address is the provider's fallback, which is always verified.
    Fallback,
    /// The tenant has proven that the domain is its own.
    Verified,
    /// The provider does not ask for proof.
    VerificationOff,
    /// The domain is not verified, so the fallback stands in.
    Unverified,
}

impl FromReason {
    /// The value as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnPremises => "on_premises",
            Self::Fallback => "fallback",
            Self::Verified => "verified",
            Self::VerificationOff => "verification_off",
            Self::Unverified => "domain_not_verified",
        }
    }
}

/// The From that recipients see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveFrom {
    /// The From header.
    pub from: Mailbox,
    /// The Reply-To header, where the From was rewritten.
    pub reply_to: Option<EmailAddress>,
    /// Why it is so.
    pub reason: FromReason,
}

/// Whether a tenant has proven that a From domain is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainProof {
    /// It has.
    Verified,
    /// It has not, or not any more.
    Unverified,
}

impl Provider {
    /// The address every tenant may send from: `no-reply@<slug>.<relay domain>`.
    ///
    /// # Errors
    /// A [`Fault`] where slug and relay domain together are longer than a domain may be.
    pub fn fallback_address(&self, slug: &Slug) -> Result<EmailAddress, Fault> {
        EmailAddress::of("no-reply", format!("{slug}.{}", self.relay_domain).parse()?)
    }

    /// Whether a Cloud tenant may save this From.
    ///
    /// # Errors
    /// [`FaultCode::SenderDomainUnverified`] where proof is required and missing.
    pub fn admit(&self, slug: &Slug, branding: &Branding, proof: DomainProof) -> Result<(), Fault> {
        let required = self.sender_verification == SenderVerification::Require;
        let proven = proof == DomainProof::Verified || self.is_fallback(slug, &branding.from_address);
        if required && !proven {
            return Err(Fault::new(
                FaultCode::SenderDomainUnverified,
                format!(
                    "The domain {} is not verified for this tenant.",
                    branding.from_address.domain()
                ),
            ));
        }
        Ok(())
    }

    /// The From that recipients of a Cloud tenant's mail see.
    #[must_use]
    pub fn effective_from(&self, slug: &Slug, branding: &Branding, proof: DomainProof) -> EffectiveFrom {
        let own = |reason| EffectiveFrom {
            from: Mailbox {
                address: branding.from_address.clone(),
                name: branding.from_name.clone(),
            },
            reply_to: None,
            reason,
        };
        if self.is_fallback(slug, &branding.from_address) {
            return own(FromReason::Fallback);
        }
        match (proof, self.sender_verification) {
            (DomainProof::Verified, _) => own(FromReason::Verified),
            (DomainProof::Unverified, SenderVerification::Off) => own(FromReason::VerificationOff),
            (DomainProof::Unverified, SenderVerification::Rewrite | SenderVerification::Require) => self
                .rewritten(slug, branding)
                .unwrap_or_else(|| own(FromReason::Unverified)),
        }
    }

    fn rewritten(&self, slug: &Slug, branding: &Branding) -> Option<EffectiveFrom> {
        let name = match &branding.from_name {
            Some(name) => name.with_suffix(&self.name, " via "),
            None => self.name.clone(),
        };
        Some(EffectiveFrom {
            from: Mailbox {
                // A tenant whose fallback would be too long is refused at creation.
                address: self.fallback_address(slug).ok()?,
                name: Some(name),
            },
            reply_to: Some(branding.from_address.clone()),
            reason: FromReason::Unverified,
        })
    }

    fn is_fallback(&self, slug: &Slug, address: &EmailAddress) -> bool {
        self.fallback_address(slug).is_ok_and(|fallback| fallback == *address)
    }
}

impl EffectiveFrom {
    /// The From of an on-premises tenant: its own, as it is.
    #[must_use]
    pub fn on_premises(branding: &Branding) -> Self {
        Self {
            from: Mailbox {
                address: branding.from_address.clone(),
                name: branding.from_name.clone(),
            },
            reply_to: None,
            reason: FromReason::OnPremises,
        }
    }
}

#[cfg(test)]
mod tests;
