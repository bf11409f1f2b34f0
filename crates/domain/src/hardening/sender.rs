//! The rule on the From domain: whether receivers can check the mail against it (RFC 7489 §3.1).

use super::{Facts, Finding};
use crate::{
    address::{Domain, EmailAddress},
    branding::{EffectiveFrom, FromReason},
    connection::{Connection, EmailSettings, Host, SmtpServer},
};

const PUBLISH: &str = "Publish SPF and DKIM for the From domain that cover this server, and a DMARC policy.";

pub(super) fn from_domain_alignment(facts: &Facts<'_>) -> Finding {
    let Some(from) = &facts.from else {
        return Finding::unknown("No From address is set.", "Set the From Email Address.");
    };
    match from.reason {
        FromReason::OnPremises => own_domain(facts.settings, from.from.address.domain()),
        FromReason::Verified | FromReason::Fallback | FromReason::VerificationOff | FromReason::Unverified => {
            provider_domain(from)
        }
    }
}

fn provider_domain(from: &EffectiveFrom) -> Finding {
    let domain = from.from.address.domain();
    match from.reason {
        FromReason::Verified => Finding::pass(format!("{domain} is verified for this tenant.")),
        FromReason::Fallback | FromReason::OnPremises => {
            Finding::pass(format!("{domain} is the provider's own, and covered by its records."))
        }
        FromReason::Unverified => Finding::warning(
            format!(
                "The From domain is not verified, so mail goes out as {domain} and answers go to the Reply-To address."
            ),
            "Verify the From domain for this tenant.",
        ),
        FromReason::VerificationOff => Finding::warning(
            format!(
                "{domain} goes out as it was set, without proof that it is this tenant's; receivers may refuse it."
            ),
            "Have the provider verify the From domain.",
        ),
    }
}

/// The reverse-path of a tenant's own server is the From address, so what counts is whether the server speaks for the domain.
fn own_domain(settings: &EmailSettings, domain: &Domain) -> Finding {
    match settings {
        EmailSettings::OnPremises {
            connection: Some(Connection::O365(_)),
            ..
        } => Finding::pass("The From address is the mailbox that Microsoft sends from."),
        EmailSettings::OnPremises {
            connection: Some(Connection::Smtp(server)),
            ..
        } => at_server(server, domain),
        EmailSettings::OnPremises { connection: None, .. } | EmailSettings::Cloud { .. } => Finding::unconfigured(),
    }
}

fn at_server(server: &SmtpServer, domain: &Domain) -> Finding {
    let account = server
        .credentials
        .as_ref()
        .and_then(|credentials| credentials.username.parse::<EmailAddress>().ok());
    match (account, &server.host) {
        (Some(account), _) if is_related(account.domain().as_str(), domain.as_str()) => {
            Finding::pass(format!("The account at the server is one of {domain}."))
        }
        (Some(account), _) => Finding::warning(
            format!(
                "The From domain is {domain}, the account at the server one of {}; receivers may refuse such mail.",
                account.domain()
            ),
            format!("Use a From address of {}, or an account of {domain}.", account.domain()),
        ),
        (None, Host::Name(name)) if is_related(name, domain.as_str()) => {
            Finding::pass(format!("The server {name} is one of {domain}."))
        }
        (None, Host::Name(_) | Host::Address(_)) => Finding::unknown(
            format!("Neither the server nor the account shows that it speaks for {domain}."),
            PUBLISH,
        ),
    }
}

/// Whether one domain is the other or below it.
fn is_related(one: &str, other: &str) -> bool {
    let below = |child: &str, parent: &str| {
        child
            .strip_suffix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    below(one, other) || below(other, one)
}
