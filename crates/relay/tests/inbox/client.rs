//! A client that says exactly what a test tells it, and keeps what it hears.

use std::{sync::Arc, time::Duration};

use relay::inbox::{Inbox, InboxConfig, Script};
use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Long enough for a loaded machine; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) struct Client {
    stream: Box<dyn Stream>,
}

/// An inbox as configured, and a client that has read its greeting.
pub(crate) async fn open(config: InboxConfig) -> (Inbox, Client) {
    let inbox = Inbox::start(config).await.unwrap();
    let mut client = Client::connect(&inbox).await;
    assert_eq!(client.reply().await, "220 inbox.localhost ESMTP\r\n");
    (inbox, client)
}

/// An inbox with a script, and a client that has not read anything yet.
pub(crate) async fn scripted(script: Script) -> (Inbox, Client) {
    let config = InboxConfig {
        script,
        ..InboxConfig::default()
    };
    let inbox = Inbox::start(config).await.unwrap();
    let client = Client::connect(&inbox).await;
    (inbox, client)
}

impl Client {
    pub(crate) async fn connect(inbox: &Inbox) -> Self {
        let stream = TcpStream::connect(inbox.addr()).await.unwrap();
        Self {
            stream: Box::new(stream),
        }
    }

    pub(crate) async fn write(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).await.unwrap();
    }

    /// One reply, all its lines.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        while !(reply.ends_with("\r\n") && is_whole(&reply)) {
            let octet = timeout(PATIENCE, self.stream.read_u8()).await.unwrap().unwrap();
            reply.push(char::from(octet));
        }
        reply
    }

    /// The reply to one command line.
    pub(crate) async fn ask(&mut self, command: &str) -> String {
        self.write(format!("{command}\r\n")).await;
        self.reply().await
    }

    /// The reply's code to each command line in turn.
    pub(crate) async fn codes(&mut self, commands: &[&str]) -> Vec<String> {
        let mut codes = Vec::new();
        for command in commands {
            codes.push(self.ask(command).await[..3].to_owned());
        }
        codes
    }

    /// EHLO up to 354.
    pub(crate) async fn begin_text(&mut self) {
        let commands = [
            "EHLO client.example",
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<c@d.example>",
            "DATA",
        ];
        assert_eq!(self.codes(&commands).await, ["250", "250", "250", "354"]);
    }

    /// What comes until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end too.
        drop(timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.unwrap());
        rest
    }

    /// Puts TLS under the session, trusting this certificate alone.
    pub(crate) async fn secure(self, pki: &Pki) -> Self {
        let name = ServerName::try_from("inbox.localhost").unwrap();
        let stream = TlsConnector::from(Arc::clone(&pki.client))
            .connect(name, self.stream)
            .await
            .unwrap();
        Self {
            stream: Box::new(stream),
        }
    }
}

fn is_whole(reply: &str) -> bool {
    let last = reply.trim_end_matches("\r\n").rsplit("\r\n").next();
    last.is_some_and(|line| line.as_bytes().get(3) == Some(&b' '))
}

/// A certificate for `inbox.localhost` and a client that trusts it.
pub(crate) struct Pki {
    pub(crate) server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["inbox.localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            server: Arc::new(server),
            client: Arc::new(client),
        }
    }
}
