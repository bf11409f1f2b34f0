//! HTTP through the gate: the one client that may fetch what somebody typed in.
//!
//! The library's own defaults would undo the gate: they follow redirects to anywhere, take a proxy from the environment, ask
//! the resolver by themselves, skip it for an address in the URL, and wait and read for ever. Here every name is resolved
//! and checked by the gate, connections go to checked addresses only, and an answer has an end.

use std::{
    error::Error as StdError,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use domain::connection::Host;
use reqwest::{
    Method, Request, Response,
    dns::{Name, Resolve, Resolving},
    header::HeaderMap,
    redirect::Policy,
};
use tokio::time::timeout;
use url::Url;

use super::{Gate, GateError};

/// How long a connection that nobody uses is kept: less than Microsoft and most proxies keep theirs.
const KEPT_IDLE: Duration = Duration::from_mins(1);
/// How we call ourselves.
const USER_AGENT: &str = concat!("Letterhead/", env!("CARGO_PKG_VERSION"));

/// Whether an `http:` address may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// Never: what is not encrypted is not asked.
    Refused,
    /// It may: the operator configured an `http:` address, for an emulator.
    Allowed,
}

/// An HTTP client behind the gate; clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {
    gate: Gate,
    clear: Clear,
    connect_within: Duration,
    /// Made with the first request: it reads the platform's roots, which a process that asks nobody need not.
    inner: Arc<OnceLock<Result<reqwest::Client, String>>>,
}

/// Why there is no answer, or no whole one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// There is no connection.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The server's certificate is not good.
    #[error("the certificate is not valid: {0}")]
    Certificate(String),
    /// The handshake failed for another reason.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// The connection was lost.
    #[error("the connection was lost")]
    Closed,
    /// Nobody answered in time.
    #[error("no answer came in time")]
    TimedOut,
    /// The answer is longer than it may be.
    #[error("the answer is too long")]
    TooLong,
    /// The address is one that is not asked: not `https:`, or without a host.
    #[error("the address must begin with https:")]
    Address,
    /// What came is not HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The client itself could not be made.
    #[error("no TLS client: {0}")]
    Setup(String),
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status, 100–999.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(crate) struct Incoming(Response);

impl Client {
    /// A client behind this gate.
    #[must_use]
    pub fn new(gate: Gate, clear: Clear, connect_within: Duration) -> Self {
        Self {
            gate,
            clear,
            connect_within,
            inner: Arc::default(),
        }
    }

    /// Fetches a document, such as an issuer's keys, of at most `most` octets, all of it `within` one time-out.
    ///
    /// # Errors
    /// [`HttpError`] where there is no answer; an answer that refuses, or points elsewhere, is an answer.
    pub async fn get(&self, url: Url, within: Duration, most: usize) -> Result<Answer, HttpError> {
        self.ask(Request::new(Method::GET, url), within, most).await
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&self, request: Request, within: Duration, most: usize) -> Result<Answer, HttpError> {
        let asked = async { self.send(request).await?.read(most).await };
        timeout(within, asked).await.unwrap_or(Err(HttpError::TimedOut))
    }

    /// Sends a request; only connecting has a time-out here.
    pub(crate) async fn send(&self, request: Request) -> Result<Incoming, HttpError> {
        self.check(request.url()).await?;
        let sent = self.inner()?.execute(request).await;
        sent.map(Incoming).map_err(|error| why(&error))
    }

    /// What the resolver does not see: the scheme, and an address in place of a name.
    async fn check(&self, url: &Url) -> Result<(), HttpError> {
        match (url.scheme(), self.clear) {
            ("https", _) | ("http", Clear::Allowed) => {}
            _ => return Err(HttpError::Address),
        }
        let literal: IpAddr = match url.host() {
            Some(url::Host::Ipv4(address)) => address.into(),
            Some(url::Host::Ipv6(address)) => address.into(),
            Some(url::Host::Domain(_)) => return Ok(()),
            None => return Err(HttpError::Address),
        };
        self.gate.resolve(&Host::Address(literal), 0).await?;
        Ok(())
    }

    fn inner(&self) -> Result<&reqwest::Client, HttpError> {
        let made = self
            .inner
            .get_or_init(|| self.make().map_err(|error| described(&error)));
        made.as_ref().map_err(|error| HttpError::Setup(error.clone()))
    }

    fn make(&self) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .https_only(self.clear == Clear::Refused)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(Checked(self.gate.clone())))
            .connect_timeout(self.connect_within)
            .pool_idle_timeout(KEPT_IDLE)
            .http1_only()
            .build()
    }
}

impl Incoming {
    pub(crate) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    /// The answer without its body.
    pub(crate) fn bare(&self) -> Answer {
        Answer {
            status: self.status(),
            headers: self.0.headers().clone(),
            body: Vec::new(),
        }
    }

    /// Reads the body, as far as it is not longer than it may be.
    pub(crate) async fn read(mut self, most: usize) -> Result<Answer, HttpError> {
        let (status, headers) = (self.status(), self.0.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = self.0.chunk().await.map_err(|error| why(&error))? {
            if body.len() + chunk.len() > most {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

/// The gate as the library's resolver.
struct Checked(Gate);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let gate = self.0.clone();
        Box::pin(async move {
            let host: Host = name.as_str().parse().map_err(|_| GateError::NotFound)?;
            // The library puts the URL's port in the place of 0.
            let addresses: Vec<SocketAddr> = gate.resolve(&host, 0).await?;
            Ok(Box::new(addresses.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

/// The innermost reason that says anything.
fn why(error: &reqwest::Error) -> HttpError {
    if let Some(known) = chain(error).find_map(known) {
        return known;
    }
    if error.is_timeout() {
        HttpError::TimedOut
    } else if chain(error).any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)) {
        HttpError::NotHttp
    } else if error.is_connect() {
        HttpError::Gate(GateError::Unreachable)
    } else {
        HttpError::Closed
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause| (*cause).source())
}

fn known(cause: &(dyn StdError + 'static)) -> Option<HttpError> {
    if let Some(error) = cause.downcast_ref::<GateError>() {
        return Some(HttpError::Gate(*error));
    }
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    let error = cause.downcast_ref::<io::Error>()?;
    // An I/O error hides what it wraps from the chain, and layers wrap it again.
    if let Some(inner) = error.get_ref()
        && let Some(inner) = known(inner)
    {
        return Some(inner);
    }
    of_kind(error.kind())
}

fn of_kind(kind: io::ErrorKind) -> Option<HttpError> {
    let unreachable = [io::ErrorKind::NetworkUnreachable, io::ErrorKind::HostUnreachable];
    if kind == io::ErrorKind::ConnectionRefused {
        Some(HttpError::Gate(GateError::Refused))
    } else if kind == io::ErrorKind::TimedOut {
        Some(HttpError::TimedOut)
    } else if unreachable.contains(&kind) {
        Some(HttpError::Gate(GateError::Unreachable))
    } else {
        None
    }
}

fn of_tls(error: &rustls::Error) -> HttpError {
    if let rustls::Error::InvalidCertificate(reason) = error {
        HttpError::Certificate(reason.to_string())
    } else {
        HttpError::Handshake(error.to_string())
    }
}

/// The error and what is behind it, in one line.
fn described(error: &reqwest::Error) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
