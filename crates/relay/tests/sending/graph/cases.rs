//! Plays every row of `cases.toml`.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use domain::{
    connection::{Connection, O365},
    message::{HeldBy, kind::Kind},
    outbox::{Job, Outcome, Path},
    reply::Suppress,
    secret::secret_text,
};
use futures_util::{StreamExt, stream};
use relay::{
    compose::WireMessage,
    gate::Gate,
    graph_emulator::{At, EmulatorConfig, GraphEmulator, MailboxState, Play, Said, Script, documented},
    metrics::Metrics,
    session::{Timeouts, Unmarked},
    transport::{
        Attempted, Transports,
        o365::{Endpoints, Form, Mailer, Unobserved},
    },
};
use serde::Deserialize;
use tokio::{net::TcpListener, time::timeout};
use tokio_rustls::TlsAcceptor;
use url::Url;
use uuid::Uuid;

use super::world::{EXPIRED, MAILBOX, SECRET_ID, composed, config, job_over, settings};
use crate::{
    authority::self_signed_server_for,
    sample::{deserted, dialer_with, loopback_gate, short_timeouts},
};

const AT_ONCE: usize = 16;
const ROW_WITHIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Table {
    cases: Vec<Case>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default = "usual")]
    given: String,
    at: Option<String>,
    says: Option<String>,
    status: Option<u16>,
    body: Option<String>,
    location: Option<String>,
    retry_after: Option<String>,
    does: Option<String>,
    expect: String,
    retry: Option<u64>,
    code: Option<String>,
    who: Option<String>,
    stage: Option<String>,
}

fn usual() -> String {
    "usual".to_owned()
}

fn cases() -> Vec<Case> {
    toml::from_str::<Table>(include_str!("cases.toml")).unwrap().cases
}

/// Everything that a row sets up.
struct Given {
    config: EmulatorConfig,
    via: O365,
    gate: Gate,
    /// In the place of both of the emulator's addresses.
    elsewhere: Option<Url>,
    timeouts: Timeouts,
    job: Job,
    mail: WireMessage,
}

impl Case {
    async fn given(&self) -> Given {
        let via = settings();
        let job = job_over(&via, Kind::Notification);
        let mut given = Given {
            config: EmulatorConfig {
                script: self.script(),
                ..config()
            },
            gate: loopback_gate(),
            elsewhere: None,
            timeouts: self.timeouts(),
            mail: composed(&job),
            via,
            job,
        };
        let application = &mut given.config.directories[0].applications[0];
        match self.given.as_str() {
            "usual" => {}
            "secret_wrong" => given.via.application.client_secret = secret_text("Vq8~Q.wrong"),
            "secret_id_pasted" => given.via.application.client_secret = secret_text(SECRET_ID.to_string()),
            "secret_expired" => given.via.application.client_secret = secret_text(EXPIRED),
            "secret_empty" => given.via.application.client_secret = secret_text(""),
            "application_unknown" => given.via.application.client_id = Uuid::from_u128(1),
            "directory_unknown" => given.via.application.directory = Uuid::from_u128(2).to_string().parse().unwrap(),
            "directory_name_unknown" => given.via.application.directory = "globex.example".parse().unwrap(),
            "directory_by_name" => given.via.application.directory = "acme.example".parse().unwrap(),
            "no_role" => application.roles.clear(),
            "other_role" => application.roles = vec!["Mail.Read".to_owned()],
            "scoped_by_rbac" => {
                application.roles.clear();
                application.scoped_to = vec![MAILBOX.to_owned()];
            }
            "mailbox_unknown" => given.config.directories[0].mailboxes.clear(),
            "mailbox_in_capitals" => MAILBOX
                .to_uppercase()
                .clone_into(&mut given.config.directories[0].mailboxes[0].address),
            "mailbox_elsewhere" => given.config.directories[0].mailboxes[0].state = MailboxState::Elsewhere,
            "mailbox_suspended" => given.config.directories[0].mailboxes[0].state = MailboxState::Suspended,
            "mailbox_spent" => given.config.directories[0].mailboxes[0].state = MailboxState::Spent,
            "from_somebody_else" => given.mail.bytes = replaced(&given.mail.bytes, MAILBOX, "ceo@acme.example"),
            "recipient_without_domain" => given.mail.bytes = replaced(&given.mail.bytes, "bob@b.example", "bob@b"),
            "too_large" => given.mail.bytes.extend(b"filler\r\n".repeat(400_000)),
            "nobody_listens" => given.elsewhere = Some(url("http", deserted().await)),
            "no_such_name" => given.elsewhere = Some(Url::parse("http://nobody.invalid/").unwrap()),
            "address_forbidden" => given.gate = Gate::default(),
            "name_leads_inside" => {
                given.gate = Gate::default();
                given.elsewhere = Some(Url::parse("http://localhost:9/").unwrap());
            }
            "certificate_unknown" => given.elsewhere = Some(url("https", self_signed().await)),
            other => panic!("no row can be given {other}"),
        }
        given
    }

    fn script(&self) -> Script {
        let at = match self.at.as_deref() {
            Some("token") => At::Token,
            Some("send") => At::Send,
            _ => return Script::new(),
        };
        let play = match self.does.as_deref() {
            Some("hangs") => Play::Hang,
            Some("drops") => Play::Drop,
            Some("does_and_drops") => Play::DoThenDrop,
            Some("does_and_hangs") => Play::DoThenHang,
            Some(other) => panic!("no row does {other}"),
            None => Play::Say(self.said()),
        };
        Script::new().always_at(at, play)
    }

    fn said(&self) -> Said {
        let mut said = match &self.says {
            Some(name) => documented(name).unwrap(),
            None => Said::status(self.status.unwrap()),
        };
        if let Some(body) = &self.body {
            said = said.body(&if body == "a flood" {
                "x".repeat(70_000)
            } else {
                body.clone()
            });
        }
        if let Some(seconds) = &self.retry_after {
            said = said.with("retry-after", seconds);
        }
        if self.location.is_some() {
            said = said.with("location", "http://127.0.0.1:9/");
        }
        said
    }

    fn timeouts(&self) -> Timeouts {
        if self.does.as_deref().is_some_and(|does| does.ends_with("hangs")) {
            short_timeouts()
        } else {
            Timeouts::default()
        }
    }

    fn is_as_expected(&self, outcome: &Outcome, taken: usize) -> bool {
        match (self.expect.as_str(), outcome) {
            ("sent", Outcome::Sent) => taken == 1,
            ("unknown" | "deferred_or_unknown", Outcome::Unknown) => true,
            ("deferred" | "deferred_or_unknown", Outcome::Deferred { retry_in }) => {
                taken == 0
                    && self
                        .retry
                        .is_none_or(|seconds| *retry_in == Duration::from_secs(seconds))
            }
            ("bounced", Outcome::Bounced { suppress }) => taken == 0 && *suppress == Suppress::No,
            ("configuration", Outcome::Held { by, .. }) => taken == 0 && *by == HeldBy::Configuration,
            (_, _) => false,
        }
    }
}

impl Given {
    fn endpoints(&self, emulator: &GraphEmulator) -> Endpoints {
        match &self.elsewhere {
            Some(url) => Endpoints::replaced(Some(url.clone()), Some(url.clone())),
            None => Endpoints::replaced(emulator.login_url().ok(), emulator.graph_url().ok()),
        }
    }

    fn mailer(&self, emulator: &GraphEmulator) -> Mailer {
        Mailer::new(self.gate.clone(), self.endpoints(emulator), self.timeouts)
    }
}

fn replaced(mail: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = std::str::from_utf8(mail).unwrap();
    assert!(text.contains(old));
    text.replace(old, new).into_bytes()
}

fn url(scheme: &str, addr: SocketAddr) -> Url {
    Url::parse(&format!("{scheme}://{addr}/")).unwrap()
}

/// A server whose certificate nobody knows.
async fn self_signed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(self_signed_server_for("127.0.0.1"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    addr
}

/// What is not as the row says, where it is played as mail.
async fn wrong_as_mail(case: &Case) -> Option<String> {
    let given = case.given().await;
    let emulator = GraphEmulator::start(given.config.clone()).await.unwrap();
    let transports = Transports::new(dialer_with(given.timeouts), Metrics::default()).through(given.mailer(&emulator));
    let job = Job {
        path: Path::Own(Arc::new(Connection::O365(given.via.clone()))),
        ..given.job.clone()
    };

    let attempted = transports.attempt(&job, &given.mail, &Unmarked).await;

    let good = match &attempted {
        Attempted::Ended(outcome, Some(report)) => {
            let at_its_stage = case.stage.as_ref().is_none_or(|stage| report.stage.as_str() == stage);
            let says_why = report.reply.is_some() || report.error.is_some();
            at_its_stage && says_why && case.is_as_expected(outcome, emulator.taken().len())
        }
        Attempted::Ended(_, None) | Attempted::Fenced => false,
    };
    (!good).then(|| format!("{attempted:?} of {case:?}"))
}

/// What is not as the row says, where it is played as a test.
async fn wrong_as_test(case: &Case) -> Option<String> {
    let given = case.given().await;
    let emulator = GraphEmulator::start(given.config.clone()).await.unwrap();
    let mailer = given.mailer(&emulator);

    let tried = mailer
        .try_out(&given.via, &given.mail, Form::Mime, &mut Unobserved)
        .await;

    let meaning = tried.err().map(|failed| failed.meaning());
    let code = meaning.map(|meaning| meaning.code.as_str());
    let who = meaning.map(|meaning| meaning.who.as_str());
    let good_code = case.expect == "deferred_or_unknown" || code == case.code.as_deref();
    let good = good_code && (case.who.is_none() || who == case.who.as_deref());
    (!good).then(|| format!("{meaning:?} of {case:?}"))
}

#[tokio::test]
async fn every_case_ends_as_mail_and_as_a_test_as_the_table_says() {
    let rows = cases();
    let wrong: Vec<String> = stream::iter(&rows)
        .map(|case| async move {
            let played = async { tokio::join!(wrong_as_mail(case), wrong_as_test(case)) };
            let late = || (Some(format!("hangs: {case:?}")), None);
            let (mail, test) = timeout(ROW_WITHIN, Box::pin(played)).await.unwrap_or_else(|_| late());
            mail.into_iter().chain(test).collect::<Vec<_>>()
        })
        .buffer_unordered(AT_ONCE)
        .concat()
        .await;
    assert_eq!(wrong, [] as [String; 0]);
}

#[test]
fn the_table_knows_thirty_documented_errors_and_every_failure_code_of_the_interface() {
    let rows = cases();
    let documented: BTreeSet<_> = rows.iter().filter_map(|case| case.says.as_deref()).collect();
    assert!(documented.len() >= 30, "{}", documented.len());
    let codes: BTreeSet<_> = rows.iter().filter_map(|case| case.code.as_deref()).collect();
    for code in [
        "secret_incomplete",
        "client_secret_invalid",
        "client_secret_expired",
        "application_not_found",
        "directory_not_found",
        "permission_missing",
        "mailbox_not_found",
        "send_as_denied",
        "throttled",
        "blocked_address",
        "dns_not_found",
        "connection_refused",
        "connection_timeout",
        "connection_closed",
        "tls_certificate_invalid",
    ] {
        assert!(codes.contains(code), "{code}");
    }
}
