//! Rules on the way to the server: encryption, certificate, authentication, and what proves who we are.

use chrono::Duration;

use super::{
    Facts, Finding,
    facts::Tested,
    observation::{Observation, Seen},
};
use crate::{
    clock::Timestamp,
    connection::{Connection, EmailSettings, Security, SmtpServer},
};

/// Days after which a password should have been replaced.
const OLD_AFTER_DAYS: i64 = 365;
/// Days before its end in which a client secret should be replaced.
const SOON_DAYS: i64 = 30;
const USE_TLS: &str = "Set Security to implicit_tls (port 465) or starttls (port 587).";

/// Who sends.
enum Way<'a> {
    Provider,
    Nobody,
    Smtp(&'a SmtpServer),
    O365,
}

fn way<'a>(facts: &Facts<'a>) -> Way<'a> {
    match facts.settings {
        EmailSettings::Cloud { .. } => Way::Provider,
        EmailSettings::OnPremises { connection: None, .. } => Way::Nobody,
        EmailSettings::OnPremises {
            connection: Some(Connection::Smtp(server)),
            ..
        } => Way::Smtp(server),
        EmailSettings::OnPremises {
            connection: Some(Connection::O365(_)),
            ..
        } => Way::O365,
    }
}

pub(super) fn require_smtp_ssl(facts: &Facts<'_>) -> Finding {
    let server = match way(facts) {
        Way::Provider => return Finding::provider_managed(),
        Way::Nobody => return Finding::unconfigured(),
        Way::O365 => return Finding::pass("Microsoft Graph is reached over HTTPS alone."),
        Way::Smtp(server) => server,
    };
    let set = format!("Security is {}.", server.security.as_str());
    match server.security {
        Security::ImplicitTls | Security::StartTls => Finding::pass(format!("{set} Without TLS no mail is sent.")),
        Security::StartTlsOptional => Finding::warning(
            format!(
                "{set} A server that does not offer TLS, or somebody on the way who hides the offer, gets mail in clear."
            ),
            USE_TLS,
        ),
        Security::None => Finding::fail(format!("{set} Everything can be read on the way."), USE_TLS),
    }
}

pub(super) fn certificate_verified(facts: &Facts<'_>) -> Finding {
    let security = match way(facts) {
        Way::Provider => return Finding::provider_managed(),
        Way::Nobody => return Finding::unconfigured(),
        Way::O365 => Security::ImplicitTls,
        Way::Smtp(server) => server.security,
    };
    if security == Security::None {
        return Finding::fail("Security is none: the server never shows a certificate.", USE_TLS);
    }
    match (&facts.observed, facts.tested) {
        (Some(Observation { at, seen }), _) => seen_certificate(*at, seen),
        (None, Tested::Lately) if security != Security::StartTlsOptional => {
            Finding::pass("A test email passed with these settings in the last 24 hours, over verified TLS.")
        }
        (None, Tested::Lately | Tested::No) => {
            Finding::unknown("No session was tried with these settings yet.", "Send a test email.")
        }
    }
}

fn seen_certificate(at: Timestamp, seen: &Seen) -> Finding {
    let day = at.format("%Y-%m-%d %H:%M UTC");
    match seen {
        Seen::Encrypted(version) => Finding::pass(format!(
            "Last seen on {day}: {version}, the certificate's chain and name were good."
        )),
        Seen::Graph => Finding::pass(format!(
            "Last seen on {day}: Microsoft Graph over HTTPS, the certificate's chain and name were good."
        )),
        Seen::Clear => Finding::warning(
            format!("Last seen on {day}: the server did not offer TLS, and showed no certificate."),
            USE_TLS,
        ),
        Seen::Failed(reason) => Finding::fail(
            format!("Last seen on {day}: {reason}"),
            "Have the server's certificate mended, or upload the certificate of its private authority.",
        ),
    }
}

pub(super) fn authentication(facts: &Facts<'_>) -> Finding {
    let server = match way(facts) {
        Way::Provider => return Finding::provider_managed(),
        Way::Nobody => return Finding::unconfigured(),
        Way::O365 => return Finding::pass("Microsoft knows the application by its client secret."),
        Way::Smtp(server) => server,
    };
    if server.credentials.is_none() {
        return Finding::warning(
            "No username is set: the server takes mail from whoever reaches it, or from this machine's address.",
            "Set a username and a password that the server knows.",
        );
    }
    if is_microsofts(server) {
        return Finding::warning(
            "A username and a password at Microsoft: it switches SMTP basic authentication off at the end of December 2026.",
            "Change to the O365 method.",
        );
    }
    Finding::pass("A username and a password are set; they are sent over verified TLS alone.")
}

fn is_microsofts(server: &SmtpServer) -> bool {
    let name = server.host.to_string();
    ["office365.com", "outlook.com"].iter().any(|domain| {
        name.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

pub(super) fn no_clear_text(facts: &Facts<'_>) -> Finding {
    let server = match way(facts) {
        Way::Provider => return Finding::provider_managed(),
        Way::Nobody => return Finding::unconfigured(),
        Way::O365 => return Finding::pass("Messages go to Microsoft over HTTPS alone."),
        Way::Smtp(server) => server,
    };
    let seen = facts.observed.as_ref().map(|observation| &observation.seen);
    match (server.security, seen) {
        (Security::ImplicitTls | Security::StartTls, _) => Finding::pass("No message leaves before TLS is verified."),
        (Security::None, _) => Finding::fail("Every message, sign-in codes among them, goes in clear.", USE_TLS),
        (Security::StartTlsOptional, Some(Seen::Clear)) => {
            Finding::fail("The last message went in clear: the server did not offer TLS.", USE_TLS)
        }
        (Security::StartTlsOptional, Some(Seen::Encrypted(_) | Seen::Failed(_) | Seen::Graph)) => Finding::warning(
            "The last session was not in clear, but the next one may be: TLS is used only where it is offered.",
            USE_TLS,
        ),
        (Security::StartTlsOptional, None) => Finding::warning(
            "Nothing was sent with these settings yet; TLS is used only where it is offered.",
            USE_TLS,
        ),
    }
}

pub(super) fn secret_age(facts: &Facts<'_>) -> Finding {
    match way(facts) {
        Way::Provider => return Finding::provider_managed(),
        Way::Nobody => return Finding::unconfigured(),
        Way::Smtp(server) if server.credentials.is_none() => {
            return Finding::not_applicable("No username is set, so there is no password.");
        }
        Way::Smtp(_) | Way::O365 => {}
    }
    let Some(given_at) = facts.credential.given_at else {
        return Finding::unknown(
            "It is not known when it was given.",
            "Replace it once, to know its age.",
        );
    };
    let days = (facts.now - given_at).num_days();
    let evidence = format!("Given on {}, {days} days ago.", given_at.format("%Y-%m-%d"));
    if days > OLD_AFTER_DAYS {
        Finding::warning(
            evidence,
            "Replace it: whoever has come by it since can still use it. Once a year is a good habit.",
        )
    } else {
        Finding::pass(evidence)
    }
}

pub(super) fn secret_expiry(facts: &Facts<'_>) -> Finding {
    match way(facts) {
        Way::Provider => return Finding::provider_managed(),
        Way::Nobody => return Finding::unconfigured(),
        Way::Smtp(_) => {
            return Finding::not_applicable("A password at an SMTP server has no date of expiry that is known here.");
        }
        Way::O365 => {}
    }
    let renew = "Make a new client secret in Microsoft Entra, and replace it in the vault before the old one ends.";
    let Some(expires_at) = facts.credential.expires_at else {
        return Finding::unknown(
            "The secret's date of expiry is not recorded; Microsoft's client secrets last 24 months at most.",
            "Record it with the secret, to be warned in time.",
        );
    };
    let day = expires_at.format("%Y-%m-%d");
    if expires_at <= facts.now {
        Finding::fail(format!("The client secret ended on {day}."), renew)
    } else if expires_at - facts.now <= Duration::days(SOON_DAYS) {
        Finding::warning(format!("The client secret ends on {day}."), renew)
    } else {
        Finding::pass(format!("The client secret ends on {day}."))
    }
}
