//! Opening a session: resolve, connect, greet, secure, authenticate.
//!
//! Credentials go out under TLS or not at all, whatever the server offers; so the check stands before the first connection
//! and not at AUTH, where a downgraded session would already have begun.

use std::time::Duration;

use domain::{
    address::Domain,
    connection::{Security, SmtpServer},
    reply::Stage,
};
use lettre::transport::smtp::{client::AsyncSmtpConnection, extension::ClientId};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::client::TlsStream;

use super::{
    Condition, Session, auth,
    extensions::{Extensions, Offer},
    failure::{Failed, SessionFailure, judge},
    link::{Link, heard},
    progress::Progress,
    timeouts::Timeouts,
    tls::TlsConfigs,
};
use crate::{
    gate::Gate,
    redact::Discretion,
    sight::{Sight, Watch},
    stream::{self, SmtpStream, Tap},
};

/// Opens sessions; clones share the gate and the TLS configurations.
#[derive(Debug, Clone)]
pub struct Dialer {
    gate: Gate,
    timeouts: Timeouts,
    hello: ClientId,
    tls: TlsConfigs,
}

impl Dialer {
    /// A dialer that calls itself by the relay's own mail domain.
    #[must_use]
    pub fn new(gate: Gate, timeouts: Timeouts, relay_domain: &Domain) -> Self {
        Self {
            gate,
            timeouts,
            hello: ClientId::Domain(relay_domain.as_str().to_owned()),
            tls: TlsConfigs::new(),
        }
    }

    /// Where connections may go.
    pub(crate) const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How long each stage may take.
    pub(crate) const fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// How long a server that failed is left alone at first.
    pub(crate) const fn first_rest(&self) -> Duration {
        self.timeouts.rest
    }

    /// Opens a session that is ready for its first transaction.
    ///
    /// # Errors
    /// [`Failed`], with the stage that did not succeed.
    pub async fn open(&self, server: &SmtpServer) -> Result<Session, Failed> {
        self.open_watched(server, Watch::default()).await
    }

    /// The same, with somebody who watches.
    pub(crate) async fn open_watched(&self, server: &SmtpServer, watch: Watch) -> Result<Session, Failed> {
        let mut progress = Progress::at(Stage::Resolve, watch);
        match self.open_link(server, &mut progress).await {
            Ok(link) => Ok(Session {
                link,
                timeouts: self.timeouts,
                progress,
                condition: Condition::Ready,
                transactions: 0,
            }),
            Err(failure) => Err(progress.failed(failure)),
        }
    }

    async fn open_link(&self, server: &SmtpServer, progress: &mut Progress) -> Result<Link, SessionFailure> {
        if server.security == Security::None && server.credentials.is_some() {
            progress.enter(Stage::Authenticate);
            return Err(SessionFailure::CredentialsNeedTls);
        }
        let stream = self.connect(server, progress).await?;
        let mut link = match server.security {
            Security::ImplicitTls => self.greet_over_tls(stream, server, progress).await?,
            Security::StartTls | Security::StartTlsOptional | Security::None => {
                progress.enter(Stage::Greeting);
                self.greet(tapped(stream::clear(stream), server, progress)).await?
            }
        };
        if wants_starttls(server, link.extensions) {
            progress.enter(Stage::Tls);
            self.start_tls(&mut link, server, progress).await?;
        }
        if let Some(credentials) = &server.credentials {
            progress.enter(Stage::Authenticate);
            auth::authenticate(&mut link, credentials, self.timeouts.auth).await?;
        }
        Ok(link)
    }

    async fn connect(&self, server: &SmtpServer, progress: &mut Progress) -> Result<TcpStream, SessionFailure> {
        let until = Instant::now() + self.timeouts.connect;
        let addresses = timeout_at(until, self.gate.resolve(&server.host, server.port))
            .await
            .map_err(|_| SessionFailure::ConnectionTimeout)??;
        progress.watch().see(|| Sight::Resolved(addresses.clone()));
        progress.enter(Stage::Connect);
        Ok(self.gate.connect(&addresses, until - Instant::now()).await?)
    }

    /// lettre reads the greeting and says EHLO in one call; the tap has both replies, or those that came.
    async fn greet(&self, (stream, tap): (SmtpStream, Tap)) -> Result<Link, SessionFailure> {
        let greeting = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello);
        let greeted = timeout(self.timeouts.greeting, greeting).await;
        let welcome = tap.take_reply();
        if welcome.as_ref().is_some_and(|reply| reply.code == 220) {
            // lettre has said it by itself.
            tap.watch().said(&format!("EHLO {}\r\n", self.hello));
        }
        let ehlo = tap.take_reply();
        if let Some(reply) = &welcome {
            judge(reply, &[220])?;
        }
        if let Some(reply) = &ehlo {
            judge(reply, &[250])?;
        }
        match (ehlo, greeted) {
            (Some(reply), Ok(Ok(smtp))) => Ok(Link {
                smtp,
                tap,
                extensions: Extensions::of(&reply),
            }),
            (_, greeted) => heard(&tap, greeted).and(Err(SessionFailure::ConnectionClosed)),
        }
    }

    async fn greet_over_tls(
        &self,
        stream: TcpStream,
        server: &SmtpServer,
        progress: &mut Progress,
    ) -> Result<Link, SessionFailure> {
        progress.enter(Stage::Tls);
        let stream = self.shake_hands(stream, server, progress.watch()).await?;
        progress.secured(stream.get_ref().1.protocol_version());
        progress.enter(Stage::Greeting);
        self.greet(tapped(stream::encrypted(stream), server, progress)).await
    }

    async fn start_tls(
        &self,
        link: &mut Link,
        server: &SmtpServer,
        progress: &mut Progress,
    ) -> Result<(), SessionFailure> {
        if !link.extensions.has(Offer::StartTls) {
            return Err(SessionFailure::TlsNotOffered);
        }
        let answer = link.exchange("STARTTLS\r\n", self.timeouts.tls).await?;
        judge(&answer, &[220])?;
        let stream = self.shake_hands(link.tap.lend()?, server, progress.watch()).await?;
        progress.secured(stream.get_ref().1.protocol_version());
        link.tap.give_back(stream);
        // What was offered in clear may have been anybody's word (RFC 3207 §4.2).
        let offers = link
            .exchange(&format!("EHLO {}\r\n", self.hello), self.timeouts.greeting)
            .await?;
        judge(&offers, &[250])?;
        link.extensions = Extensions::of(&offers);
        Ok(())
    }

    async fn shake_hands(
        &self,
        stream: TcpStream,
        server: &SmtpServer,
        watch: &Watch,
    ) -> Result<TlsStream<TcpStream>, SessionFailure> {
        let handshake = self.tls.handshake(stream, server, watch);
        timeout(self.timeouts.tls, handshake)
            .await
            .unwrap_or(Err(SessionFailure::ConnectionTimeout))
    }
}

fn tapped((stream, tap): (SmtpStream, Tap), server: &SmtpServer, progress: &Progress) -> (SmtpStream, Tap) {
    let tap = tap.watched_by(progress.watch().clone());
    (stream, tap.discreet(Discretion::of(server)))
}

fn wants_starttls(server: &SmtpServer, offers: Extensions) -> bool {
    match server.security {
        Security::StartTls => true,
        Security::StartTlsOptional => offers.has(Offer::StartTls) || server.credentials.is_some(),
        Security::ImplicitTls | Security::None => false,
    }
}
