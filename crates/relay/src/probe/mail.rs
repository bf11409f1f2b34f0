//! The one mail that a test sends. Nothing in it can be chosen, so that a test is of no use to anybody who wants to send
//! something else.

use std::sync::Arc;

use domain::{
    ids::Id,
    message::{
        Locale, Recipient,
        kind::{Content, Kind, System},
    },
    outbox::{Job, Lease, Path},
};

use super::{SettingsTested, Test, Way};
use crate::redact::printable;

/// Characters of whoever asked for the test, in the mail.
const MAX_NAME: usize = 100;

impl Test {
    /// The mail's Message-ID, as its header has it.
    pub(super) fn message_id(&self) -> String {
        format!("<{}@{}>", self.id, self.from.from.address.domain())
    }

    /// The job that real mail with these settings would be.
    pub(super) fn job(&self, provider: &str, way: &str) -> Job {
        let domain = self.from.from.address.domain();
        Job {
            lease: Lease {
                tenant: self.tenant,
                message: Id::new(self.id.uuid()),
                delivery: self.id,
                epoch: 0,
            },
            message: Id::new(self.id.uuid()),
            lane: Kind::System.lane(),
            tenant_name: self.tenant_name.clone(),
            content: Content::System(self.content(provider, way)),
            locale: Locale::default(),
            recipient: Recipient {
                email: self.to.clone(),
                name: None,
            },
            from: self.from.clone(),
            message_id_header: format!("{}@{domain}", self.id),
            accepted_at: self.at,
            expires_at: self.at + chrono::Duration::hours(1),
            attempt: 1,
            unknowns: 0,
            path: self.path(),
        }
    }

    fn path(&self) -> Path {
        match &self.way {
            Way::Shared(routes) => Path::Shared(routes.as_slice().into()),
            Way::Route(route) => Path::Shared(Arc::new([route.as_ref().clone()])),
            Way::Own(connection) => Path::Own(Arc::new(connection.as_ref().clone())),
        }
    }

    fn content(&self, provider: &str, way: &str) -> System {
        let asked_by = printable(&self.asked_by, MAX_NAME);
        let settings = match self.settings {
            SettingsTested::Saved(version) => format!("version {version}, as saved"),
            SettingsTested::Candidate { based_on } => format!("not saved yet (version {based_on} is in force)"),
        };
        System {
            subject: format!("{provider}: test email"),
            body_text: format!(
                "This is a test email. It arrived, so mail can be sent with these settings.\n\nNo action needed.\n\n\
                 Sent by: {asked_by}\nFor: {}\nSettings: {settings}\nRoute: {way}\n",
                self.tenant_name,
            ),
            body_html: None,
        }
    }
}
