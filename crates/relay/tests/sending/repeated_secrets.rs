//! A server that repeats what it was told: the words are kept and logged, the credentials in them are not.

use std::{
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    connection::{Connection, Credentials, Proof, Security, SmtpServer},
    message::kind::Lane,
    outbox::{Outcome, Path},
    secret::secret_text,
};
use relay::{
    graph_emulator::{At, Play, Said, Script as GraphScript},
    inbox::{Accepts, Behaviour, Inbox, InboxConfig, Mechanism, Offered, Script, Step, TlsMode},
    metrics::Metrics,
    transport::Transports,
};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    authority::Authority,
    graph::world::{SECRET, settings, world},
    sample::{attempt, dialer, over, route, server},
};

const PASSWORD: &str = "canary pass~word+9";
/// What the relay's own breaker says in the log.
const LEFT_ALONE: &str = "the server fails and is left alone";

/// All that is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    fn begin(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }
}

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn hex(text: &str) -> String {
    let octets: Vec<String> = text.bytes().map(|octet| format!("{octet:02x}")).collect();
    octets.concat()
}

/// The forms in which a secret comes back.
fn forms(secret: &str) -> [String; 6] {
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    [
        secret.to_owned(),
        STANDARD.encode(secret),
        STANDARD.encode(format!("\0relay\0{secret}")),
        hex(secret),
        hex(secret).to_uppercase(),
        form,
    ]
}

fn assert_silent(shown: &str, secret: &str) {
    for form in forms(secret) {
        assert!(!shown.contains(&form), "{form} in {shown}");
    }
}

async fn repeating(ca: &Authority, step: Step, codes: &str) -> Inbox {
    let said = format!("{codes} you said {}", forms(PASSWORD).join(" and "));
    let config = InboxConfig {
        tls: TlsMode::Implicit(ca.server_for("127.0.0.1")),
        auth: Some(Accepts {
            mechanisms: vec![Mechanism::Plain],
            offered: Offered::Always,
            user: "relay".to_owned(),
            password: secret_text(PASSWORD),
        }),
        script: Script::new().always_at(step, Behaviour::Reply(said)),
        ..InboxConfig::default()
    };
    Inbox::start(config).await.unwrap()
}

fn with_password(inbox: &Inbox, ca: &Authority) -> SmtpServer {
    SmtpServer {
        security: Security::ImplicitTls,
        credentials: Some(Credentials {
            username: "relay".to_owned(),
            proof: Proof::Password(secret_text(PASSWORD)),
        }),
        ca_certificate_pem: Some(ca.pem()),
        ..server(inbox.addr())
    }
}

#[tokio::test]
async fn a_password_that_a_server_repeats_is_neither_reported_nor_logged() {
    let ca = Authority::new();
    let log = Log::default();
    let _logging = log.begin();
    for (step, codes) in [
        (Step::Auth, "535 5.7.8"),
        (Step::Auth, "454 4.7.0"),
        (Step::Mail, "550 5.7.1"),
        (Step::Rcpt, "550 5.1.1"),
        (Step::Rcpt, "550 5.1.1\t"),
        (Step::Data, "250 2.0.0"),
        (Step::Dot, "554 5.6.0"),
        (Step::Dot, "250 2.0.0"),
    ] {
        let inbox = repeating(&ca, step, codes).await;
        let mut own = route("far", inbox.addr());
        own.server = with_password(&inbox, &ca);
        for path in [
            Path::Own(Arc::new(Connection::Smtp(own.server.clone()))),
            over([own.clone()]),
        ] {
            let transports = Transports::new(dialer(), Metrics::default());
            let (outcome, report) = attempt(&transports, Lane::Interactive, path).await;
            assert_eq!(outcome == Outcome::Sent, (step, codes) == (Step::Dot, "250 2.0.0"));
            let reply = report.reply.as_ref().unwrap();
            assert!(reply.text.contains("you said [redacted]"), "{reply:?}");
            assert_eq!(reply.enhanced.unwrap().to_string(), codes[4..].trim());
            assert_silent(&format!("{report:?}"), PASSWORD);
        }
    }
    assert!(log.text().contains(LEFT_ALONE), "{}", log.text());
    assert!(log.text().contains("[redacted]"), "{}", log.text());
    assert_silent(&log.text(), PASSWORD);
}

#[tokio::test]
async fn a_client_secret_that_microsoft_repeats_is_neither_reported_nor_logged() {
    let log = Log::default();
    let _logging = log.begin();
    let said = forms(SECRET).join(" and ");
    let at_token = format!(r#"{{"error":"invalid_client","error_description":"AADSTS7000215: it was {said}"}}"#);
    let at_send = format!(r#"{{"error":{{"code":"{}","message":"it was {said}"}}}}"#, hex(SECRET));
    for (at, status, body) in [(At::Token, 401, at_token), (At::Send, 403, at_send)] {
        let world = world().await;
        let answer = Said::status(status).with("request-id", &hex(SECRET)).body(&body);
        world.emulator.play(GraphScript::new().always_at(at, Play::Say(answer)));
        let (_, report) = world.notify(&settings()).await;
        let text = &report.reply.as_ref().unwrap().text;
        assert!(text.contains("it was [redacted]"), "{text}");
        assert_silent(&format!("{report:?}"), SECRET);
    }
    assert_silent(&log.text(), SECRET);
}
