//! Samples: a mail, a server, a route, a job; each as plain as it can be.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::{
    branding::{EffectiveFrom, FromReason, Mailbox, Provider, SenderVerification},
    clock::{Timestamp, from_millis},
    connection::{Credentials, Host, Proof, Route, Security, SmtpServer},
    ids::{Id, IdSource, TimeOrderedIds},
    message::{
        HeldBy, Locale, Recipient,
        envelope::Envelope,
        kind::{Content, Lane, Notification, Severity},
    },
    outbox::{AttemptReport, Job, Lease, Outcome, Path},
    reply::Reply,
    secret::secret_text,
};
use relay::{
    compose::WireMessage,
    gate::Gate,
    inbox::{Inbox, InboxConfig, Script},
    session::{Dialer, Failed, Timeouts, Unmarked},
    transport::{Attempted, Transports},
};

/// How long a step of a test may take before it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn inbox(script: Script) -> Inbox {
    let config = InboxConfig {
        script,
        ..InboxConfig::default()
    };
    Inbox::start(config).await.unwrap()
}

pub(crate) fn loopback_gate() -> Gate {
    Gate::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()])
}

/// Every time-out well under a second, so that a hanging server costs a test no more.
pub(crate) fn short_timeouts() -> Timeouts {
    let short = Duration::from_millis(400);
    Timeouts {
        connect: short,
        greeting: short,
        tls: short,
        auth: short,
        mail: short,
        rcpt: short,
        data: short,
        text: short,
        mark: short,
        dot: short,
        reset: short,
        quit: short,
        rest: short,
    }
}

pub(crate) fn dialer() -> Dialer {
    dialer_with(Timeouts::default())
}

pub(crate) fn dialer_with(timeouts: Timeouts) -> Dialer {
    Dialer::new(loopback_gate(), timeouts, &"relay.example".parse().unwrap())
}

pub(crate) fn server(addr: SocketAddr) -> SmtpServer {
    SmtpServer {
        host: Host::Address(addr.ip()),
        port: addr.port(),
        security: Security::None,
        credentials: None,
        ca_certificate_pem: None,
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials {
        username: "relay".to_owned(),
        proof: Proof::Password(secret_text("correct horse")),
    }
}

pub(crate) fn mail() -> WireMessage {
    mail_of(b"Subject: a\r\n\r\n.dots\r\n..\r\nend\r\n")
}

pub(crate) fn mail_of(bytes: &[u8]) -> WireMessage {
    WireMessage {
        envelope: Envelope {
            reverse_path: "bounces@relay.example".parse().unwrap(),
            forward_path: "bob@b.example".parse().unwrap(),
        },
        bytes: bytes.to_vec(),
    }
}

/// Opens a session to a server in clear and sends the sample mail.
pub(crate) async fn send_to(inbox: &Inbox, timeouts: Timeouts) -> Result<Reply, Failed> {
    let mut session = dialer_with(timeouts).open(&server(inbox.addr())).await?;
    session.send(&mail(), &Unmarked).await
}

pub(crate) fn route(name: &str, addr: SocketAddr) -> Route {
    Route {
        id: id(),
        name: name.to_owned(),
        server: server(addr),
        max_connections: 4,
        messages_per_second: None,
        priority: 10,
        weight: 1,
        version: 1,
        paused: None,
    }
}

/// Waits until the inbox has read so many MAIL commands.
pub(crate) async fn mails_begun(inbox: &Inbox, count: usize) {
    let begun = || inbox.commands().iter().filter(|line| line.starts_with("MAIL")).count();
    let enough = async {
        while begun() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, enough).await.unwrap();
}

/// Attempts a delivery; a fence that is always open never fences.
pub(crate) async fn attempt(transports: &Transports, lane: Lane, path: Path) -> (Outcome, AttemptReport) {
    attempt_job(transports, &job(lane, path)).await
}

pub(crate) async fn attempt_job(transports: &Transports, job: &Job) -> (Outcome, AttemptReport) {
    match transports.attempt(job, &mail(), &Unmarked).await {
        Attempted::Ended(outcome, report) => (outcome, report.unwrap()),
        Attempted::Fenced => panic!("fenced without a fence"),
    }
}

/// Whether a delivery was put back without having been tried, and for how long.
pub(crate) fn put_back(outcome: &Outcome) -> Option<Duration> {
    if let Outcome::Held {
        by: HeldBy::ServerUnavailable,
        retry_in,
    } = outcome
    {
        return Some(*retry_in);
    }
    None
}

/// A port on which nobody listens.
pub(crate) async fn deserted() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Letterhead".parse().unwrap(),
        relay_domain: "relay.example".parse().unwrap(),
        sender_verification: SenderVerification::Off,
    }
}

pub(crate) fn job(lane: Lane, path: Path) -> Job {
    let (message, delivery) = (id(), id());
    Job {
        lease: Lease {
            tenant: id(),
            message,
            delivery,
            epoch: 1,
        },
        message,
        lane,
        tenant_name: "Acme".to_owned(),
        content: Content::Notification(Notification {
            subject: "Disk full".to_owned(),
            body_markdown: "The disk is full.".to_owned(),
            severity: Severity::Info,
            action: None,
        }),
        locale: Locale::default(),
        recipient: Recipient {
            email: "bob@b.example".parse().unwrap(),
            name: None,
        },
        from: EffectiveFrom {
            from: Mailbox {
                address: "it@acme.example".parse().unwrap(),
                name: None,
            },
            reply_to: None,
            reason: FromReason::VerificationOff,
        },
        message_id_header: format!("{delivery}@acme.example"),
        accepted_at: noon(),
        expires_at: noon() + chrono::Duration::days(3),
        attempt: 1,
        unknowns: 0,
        path,
    }
}

pub(crate) fn over(routes: impl IntoIterator<Item = Route>) -> Path {
    Path::Shared(routes.into_iter().collect::<Arc<[Route]>>())
}

fn noon() -> Timestamp {
    from_millis(1_767_268_800_000)
}

pub(crate) fn id<K>() -> Id<K> {
    Id::new(TimeOrderedIds.next())
}
