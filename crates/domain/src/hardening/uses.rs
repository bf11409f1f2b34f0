//! Rules on what mail is used for, and whether it is known to arrive.

use super::{
    Facts, Finding,
    facts::{Approvals, Codes, Tested},
};
use crate::connection::EmailSettings;

pub(super) fn settings_tested(facts: &Facts<'_>) -> Finding {
    if facts.tested == Tested::Lately {
        return Finding::pass("A test email passed with these settings in the last 24 hours.");
    }
    if let EmailSettings::OnPremises { connection: None, .. } = facts.settings {
        return Finding::unconfigured();
    }
    match facts.taken_at {
        Some(at) => Finding::pass(format!(
            "A message was taken by these settings on {}.",
            at.format("%Y-%m-%d %H:%M UTC")
        )),
        None => Finding::warning(
            "No test email passed with these settings in the last 24 hours, and no message shows that they work.",
            "Send a test email before saving.",
        ),
    }
}

pub(super) fn two_factor_by_email(facts: &Facts<'_>) -> Finding {
    match facts.codes {
        Codes::None => Finding::pass("No two-factor codes were mailed in the last 30 days."),
        Codes::Sent => Finding::warning(
            "Two-factor codes were mailed in the last 30 days. NIST SP 800-63B: email shall not be used for out-of-band \
             authentication, since it does not prove that somebody has a certain device: a mailbox may be open to whoever has \
             its password, and mail can be read or redirected on its way. OWASP ASVS does not approve it at level 3 either.",
            "Move people to an authenticator app or a security key, and keep codes by email for recovery.",
        ),
    }
}

pub(super) fn approval_links(facts: &Facts<'_>) -> Finding {
    match facts.approvals {
        Approvals::None => Finding::not_applicable("No access requests were mailed in the last 30 days."),
        Approvals::OwnPage => Finding::pass("Links lead to a page that acts on POST alone, over HTTPS."),
        Approvals::AtProducer => Finding::warning(
            "Links of access requests lead straight to the program that sent them. Mail scanners open links: a link that acts \
             when it is opened approves without a person.",
            "Make sure that the linked pages ask before they act, and act on POST alone.",
        ),
        Approvals::OwnPageInClear => Finding::fail(
            "Links of access requests lead to this service over http; who reads them on the way can use them.",
            "Have the provider set LETTERHEAD_PUBLIC_URL to an https address.",
        ),
    }
}
