//! One message of each kind, from fixed data, and a composer for them.

use std::sync::Arc;

use domain::{
    branding::{EffectiveFrom, FromReason, Mailbox, Provider, SenderVerification},
    connection::{Connection, Host, Security, SmtpServer},
    message::{
        Recipient,
        kind::{AccessRequest, Content, Link, Notification, Severity, System, TwoFactorCode},
    },
    outbox::{Job, Lease, Path},
};
use mail_parser::{Message, MessageParser};
use relay::compose::{Composer, WireMessage};

pub(crate) fn composer() -> Composer {
    Composer::new(Provider {
        name: "Letterhead".parse().unwrap(),
        relay_domain: "relay.example".parse().unwrap(),
        sender_verification: SenderVerification::Off,
    })
    .unwrap()
}

pub(crate) fn compose(job: &Job) -> WireMessage {
    composer().compose(job).unwrap()
}

pub(crate) fn parse(mail: &WireMessage) -> Message<'_> {
    MessageParser::default().parse(&mail.bytes).unwrap()
}

pub(crate) fn job(content: Content) -> Job {
    Job {
        lease: Lease {
            tenant: "0198a5c5-0000-7000-8000-000000000001".parse().unwrap(),
            message: "0198a5c5-0000-7000-8000-000000000003".parse().unwrap(),
            delivery: "0198a5c5-0000-7000-8000-000000000002".parse().unwrap(),
            epoch: 1,
        },
        message: "0198a5c5-0000-7000-8000-000000000003".parse().unwrap(),
        lane: content.kind().lane(),
        tenant_name: "Acme".to_owned(),
        content,
        locale: "en".parse().unwrap(),
        recipient: Recipient {
            email: "ada@customer.example".parse().unwrap(),
            name: Some("Ada Lovelace".parse().unwrap()),
        },
        from: from("Acme Security"),
        message_id_header: "0198a5c5-0000-7000-8000-000000000002@acme.example".to_owned(),
        accepted_at: "2025-11-24T14:00:00Z".parse().unwrap(),
        expires_at: "2025-11-27T14:00:00Z".parse().unwrap(),
        attempt: 1,
        unknowns: 0,
        path: Path::Shared(Arc::from([])),
    }
}

/// The same job for a reader of German.
pub(crate) fn in_german(job: Job) -> Job {
    Job {
        locale: "de-AT".parse().unwrap(),
        ..job
    }
}

pub(crate) fn from(name: &str) -> EffectiveFrom {
    EffectiveFrom {
        from: Mailbox {
            address: "no-reply@acme.example".parse().unwrap(),
            name: Some(name.parse().unwrap()),
        },
        reply_to: None,
        reason: FromReason::VerificationOff,
    }
}

pub(crate) fn own_server() -> Path {
    Path::Own(Arc::new(Connection::Smtp(SmtpServer {
        host: Host::Name("mail.globex.example".to_owned()),
        port: 587,
        security: Security::StartTls,
        credentials: None,
        ca_certificate_pem: None,
    })))
}

pub(crate) fn code() -> Job {
    job(Content::TwoFactorCode(TwoFactorCode {
        code: "482913".to_owned(),
        expires_in_minutes: 10,
    }))
}

pub(crate) fn request() -> AccessRequest {
    AccessRequest {
        requester: "Bob".to_owned(),
        resource: "Oracle root".to_owned(),
        reason: "Restore last night's backup.\nTicket 4711.".to_owned(),
        duration: Some("4 h".to_owned()),
        approve_url: "https://pam.example/requests/1/approve?token=a1&by=ada".to_owned(),
        deny_url: "https://pam.example/requests/1/deny?token=a1&by=ada".to_owned(),
        review_url: Some("https://pam.example/requests/1".to_owned()),
    }
}

pub(crate) fn access_request() -> Job {
    job(Content::AccessRequest(request()))
}

pub(crate) fn notice() -> Notification {
    Notification {
        subject: "Backup of db-1 failed".to_owned(),
        body_markdown:
            "The backup of **db-1** failed: see the [log](https://ops.example/logs/1).\n\n- disk full\n- no \
                        retry"
                .to_owned(),
        severity: Severity::Critical,
        action: Some(Link {
            label: "Open the console".to_owned(),
            url: "https://ops.example/db-1".to_owned(),
        }),
    }
}

pub(crate) fn notification() -> Job {
    job(Content::Notification(notice()))
}

pub(crate) fn with_subject(subject: &str) -> Job {
    job(Content::Notification(Notification {
        subject: subject.to_owned(),
        ..notice()
    }))
}

pub(crate) fn announcement() -> System {
    System {
        subject: "Maintenance on Sunday".to_owned(),
        body_text: "We move to new servers.\n\nSign-in stops from 02:00 to 02:30 UTC.\nNo action is needed.".to_owned(),
        body_html: None,
    }
}

pub(crate) fn system() -> Job {
    job(Content::System(announcement()))
}
