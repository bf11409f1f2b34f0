//! A small Microsoft: one directory, one application, one mailbox; and a relay that is set up for it.

use std::sync::Arc;

use domain::{
    connection::{Application, Cloud, Connection, O365},
    message::kind::{Content, Kind, TwoFactorCode},
    outbox::{AttemptReport, Job, Outcome, Path},
    secret::secret_text,
};
use relay::{
    compose::{Composer, WireMessage},
    graph_emulator::{
        ClientSecret, Directory, EmulatorConfig, GraphEmulator, MailboxEntry, MailboxState, Registration, SecretState,
    },
    metrics::Metrics,
    session::{Timeouts, Unmarked},
    transport::{
        Attempted, Transports,
        o365::{Endpoints, Mailer},
    },
};
use uuid::{Uuid, uuid};

use crate::sample::{dialer_with, id, job, loopback_gate, provider};

pub(crate) const CLIENT: Uuid = uuid!("3c7d9a4e-1d1f-4b53-9c67-0f4c1a5f2b11");
pub(crate) const DIRECTORY: Uuid = uuid!("72f988bf-86f1-41af-91ab-2d7cd011db47");
pub(crate) const SECRET_ID: Uuid = uuid!("9a1f4c2e-5b7d-4e8a-8c3f-6d2b1a0e9f77");
pub(crate) const SECRET: &str = "Vq8~Q.right_one-0123456789abcdef";
pub(crate) const EXPIRED: &str = "Vq8~Q.expired_one-0123456789abc";
pub(crate) const MAILBOX: &str = "it@acme.example";

pub(crate) struct World {
    pub(crate) emulator: GraphEmulator,
    pub(crate) mailer: Mailer,
    pub(crate) transports: Transports,
}

pub(crate) fn directory() -> Directory {
    let secret = |id, value: &str, state| ClientSecret {
        id,
        value: secret_text(value),
        state,
    };
    Directory {
        id: DIRECTORY,
        domains: vec!["acme.example".to_owned()],
        applications: vec![Registration {
            client_id: CLIENT,
            secrets: vec![
                secret(SECRET_ID, SECRET, SecretState::Good),
                secret(Uuid::nil(), EXPIRED, SecretState::Expired),
            ],
            roles: vec!["Mail.Send".to_owned()],
            scoped_to: Vec::new(),
        }],
        mailboxes: vec![MailboxEntry {
            address: MAILBOX.to_owned(),
            state: MailboxState::Online,
            send_as: Vec::new(),
        }],
    }
}

pub(crate) fn config() -> EmulatorConfig {
    EmulatorConfig {
        directories: vec![directory()],
        ..EmulatorConfig::default()
    }
}

pub(crate) async fn world() -> World {
    world_of(config(), Timeouts::default()).await
}

pub(crate) async fn world_of(config: EmulatorConfig, timeouts: Timeouts) -> World {
    let emulator = GraphEmulator::start(config).await.unwrap();
    let endpoints = Endpoints::replaced(emulator.login_url().ok(), emulator.graph_url().ok());
    let mailer = Mailer::new(loopback_gate(), endpoints, timeouts);
    let transports = Transports::new(dialer_with(timeouts), Metrics::default()).through(mailer.clone());
    World {
        emulator,
        mailer,
        transports,
    }
}

/// The right settings.
pub(crate) fn settings() -> O365 {
    O365 {
        secret: id(),
        application: Application {
            client_id: CLIENT,
            client_secret: secret_text(SECRET),
            directory: DIRECTORY.to_string().parse().unwrap(),
        },
        cloud: Cloud::Global,
        save_to_sent_items: true,
    }
}

pub(crate) fn job_over(via: &O365, kind: Kind) -> Job {
    let plain = job(kind.lane(), Path::Own(Arc::new(Connection::O365(via.clone()))));
    match kind {
        Kind::TwoFactorCode => Job {
            content: Content::TwoFactorCode(TwoFactorCode {
                code: "482913".to_owned(),
                expires_in_minutes: 10,
            }),
            ..plain
        },
        Kind::Notification => plain,
        Kind::AccessRequest | Kind::System => unimplemented!("no test needs it"),
    }
}

pub(crate) fn composed(job: &Job) -> WireMessage {
    Composer::new(provider()).unwrap().compose(job).unwrap()
}

impl World {
    pub(crate) async fn attempt(&self, job: &Job) -> (Outcome, AttemptReport) {
        match self.transports.attempt(job, &composed(job), &Unmarked).await {
            Attempted::Ended(outcome, report) => (outcome, report.unwrap()),
            Attempted::Fenced => panic!("fenced without a fence"),
        }
    }

    pub(crate) async fn notify(&self, via: &O365) -> (Outcome, AttemptReport) {
        self.attempt(&job_over(via, Kind::Notification)).await
    }
}
