//! The far end of a case, and the attempt made against it.

use std::net::SocketAddr;

use domain::{
    connection::{Credentials, Proof, Route, Security, SmtpServer},
    message::kind::Lane,
    outbox::{AttemptReport, Outcome},
    secret::secret_text,
};
use relay::{
    gate::Gate,
    inbox::{Accepts, Extension, Inbox, InboxConfig, Limits, Mechanism, Offered, TlsMode},
    metrics::Metrics,
    session::{Dialer, Unmarked},
    transport::{Attempted, Transports},
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{
    authority::{Authority, self_signed_server_for},
    cases::Case,
    sample::{deserted, job, loopback_gate, mail, mail_of, over, route},
};

const ADDRESS: &str = "127.0.0.1";
const SECRET: &str = "correct horse";
/// More than the sockets of both ends hold.
const LONG_TEXT: usize = 16 * 1024 * 1024;

/// Whoever is at the other end.
pub(crate) enum Far {
    Inbox(Inbox),
    /// Nobody listens there.
    Nobody(SocketAddr),
    /// The queue of connections is full, so that a further one gets no answer.
    Full {
        listener: TcpListener,
        _waiting: Vec<TcpStream>,
    },
}

impl Far {
    pub(crate) async fn start(case: &Case, ca: &Authority) -> Self {
        match (case.at.as_str(), case.does.as_str()) {
            ("connect", "is_absent" | "has_no_name") => Self::Nobody(deserted().await),
            ("connect", "hangs") => Self::full().await,
            _ => Self::Inbox(Inbox::start(config(case, ca)).await.unwrap()),
        }
    }

    async fn full() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut waiting = Vec::new();
        // The first that is not answered found the queue full.
        while let Ok(connected) = tokio::time::timeout(
            std::time::Duration::from_millis(200),
            TcpStream::connect(listener.local_addr().unwrap()),
        )
        .await
        {
            waiting.push(connected.unwrap());
        }
        Self::Full {
            listener,
            _waiting: waiting,
        }
    }

    pub(crate) fn received(&self) -> u64 {
        match self {
            Self::Inbox(inbox) => inbox.received(),
            Self::Nobody(_) | Self::Full { .. } => 0,
        }
    }

    fn addr(&self) -> SocketAddr {
        match self {
            Self::Inbox(inbox) => inbox.addr(),
            Self::Nobody(addr) => *addr,
            Self::Full { listener, .. } => listener.local_addr().unwrap(),
        }
    }
}

fn config(case: &Case, ca: &Authority) -> InboxConfig {
    let mut extensions = std::collections::BTreeSet::from(Extension::ALL);
    if case.session == "in_turn" {
        extensions.remove(&Extension::Pipelining);
    }
    InboxConfig {
        tls: tls(case, ca),
        auth: accepts(case),
        extensions,
        script: case.script(),
        limits: Limits {
            message_octets: 2 * LONG_TEXT,
            ..Limits::default()
        },
        ..InboxConfig::default()
    }
}

fn tls(case: &Case, ca: &Authority) -> TlsMode {
    let server = match case.does.as_str() {
        "does_not_offer" if case.at == "starttls" => return TlsMode::Off,
        "other_name" => ca.server_for("mail.example"),
        "expired" => ca.expired_server_for(ADDRESS),
        "self_signed" => self_signed_server_for(ADDRESS),
        "foreign_ca" => Authority::new().server_for(ADDRESS),
        _ => ca.server_for(ADDRESS),
    };
    match security(case) {
        Security::ImplicitTls => TlsMode::Implicit(server),
        Security::StartTls | Security::StartTlsOptional => TlsMode::StartTls(server),
        Security::None => TlsMode::Off,
    }
}

fn accepts(case: &Case) -> Option<Accepts> {
    let mechanism = match case.auth.as_deref()? {
        "plain" => Mechanism::Plain,
        "login" => Mechanism::Login,
        "xoauth2" => Mechanism::XOAuth2,
        other => panic!("no mechanism {other}"),
    };
    // A server that offers nothing we have offers the mechanism of the other kind of proof.
    let offered = match (case.does.as_str(), mechanism) {
        ("does_not_offer", Mechanism::XOAuth2) => Mechanism::Plain,
        ("does_not_offer", Mechanism::Plain | Mechanism::Login) => Mechanism::XOAuth2,
        _ => mechanism,
    };
    Some(Accepts {
        mechanisms: vec![offered],
        offered: Offered::Always,
        user: "relay".to_owned(),
        password: secret_text(SECRET),
    })
}

fn security(case: &Case) -> Security {
    case.security.parse().unwrap()
}

fn credentials(case: &Case) -> Option<Credentials> {
    let secret = secret_text(if case.does == "wrong_secret" { "guess" } else { SECRET });
    let proof = match case.auth.as_deref()? {
        "xoauth2" => Proof::AccessToken(secret),
        _ => Proof::Password(secret),
    };
    Some(Credentials {
        username: "relay".to_owned(),
        proof,
    })
}

/// Makes one attempt, as the dispatcher would.
pub(crate) async fn play(case: &Case, far: &Far, ca: &Authority) -> (Outcome, AttemptReport) {
    let plain = route("far", far.addr());
    let mut server = SmtpServer {
        security: security(case),
        credentials: credentials(case),
        ca_certificate_pem: Some(ca.pem()),
        ..plain.server.clone()
    };
    if case.does == "has_no_name" {
        server.host = "nobody.invalid".parse().unwrap();
    }
    let gate = match case.does.as_str() {
        "is_forbidden" => Gate::default(),
        _ => loopback_gate(),
    };
    let dialer = Dialer::new(gate, case.timeouts(), &"relay.example".parse().unwrap());
    let transports = Transports::new(dialer, Metrics::default());
    let mail = match case.at.as_str() {
        "text" => mail_of(&[b"a: b\r\n\r\n".to_vec(), b"text\r\n".repeat(LONG_TEXT / 6)].concat()),
        _ => mail(),
    };
    let job = job(Lane::Interactive, over([Route { server, ..plain }]));
    match transports.attempt(&job, &mail, &Unmarked).await {
        Attempted::Ended(outcome, report) => (outcome, report.unwrap()),
        Attempted::Fenced => panic!("fenced without a fence"),
    }
}
