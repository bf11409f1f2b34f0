//! TLS of a session: version 1.2 or later, chain and name always verified.
//!
//! The platform's roots are trusted, and those an administrator added for one server. There is no way to skip the checks:
//! a private CA is a certificate to upload, not a reason to look away.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use domain::connection::{Host, SmtpServer};
use rustls::{
    ClientConfig,
    client::{Resumption, danger::ServerCertVerifier},
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{failure::SessionFailure, onlooker::Onlooker};
use crate::sight::Watch;

/// Configurations kept; each holds a copy of the platform's roots.
const MAX_KEPT: usize = 64;

/// Makes and keeps one configuration for each set of added roots; clones share it.
#[derive(Clone)]
pub(super) struct TlsConfigs {
    provider: Arc<CryptoProvider>,
    kept: Arc<Mutex<HashMap<Option<String>, Arc<ClientConfig>>>>,
}

impl TlsConfigs {
    pub(super) fn new() -> Self {
        Self {
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            kept: Arc::default(),
        }
    }

    /// Shakes hands with a server over a connected stream; an onlooker is shown its certificate.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        server: &SmtpServer,
        watch: &Watch,
    ) -> Result<TlsStream<TcpStream>, SessionFailure> {
        let added_roots = server.ca_certificate_pem.as_deref();
        let config = if watch.is_kept() {
            let verifier = self.verifier(added_roots)?;
            let watch = watch.clone();
            Arc::new(self.build(Arc::new(Onlooker { verifier, watch }))?)
        } else {
            self.config(added_roots)?
        };
        let name = server_name(&server.host)?;
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| why(&error))
    }

    fn config(&self, added_roots: Option<&str>) -> Result<Arc<ClientConfig>, SessionFailure> {
        let key = added_roots.map(str::to_owned);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = kept.get(&key) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.build(Arc::new(self.verifier(added_roots)?))?);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&config));
        Ok(config)
    }

    fn verifier(&self, added_roots: Option<&str>) -> Result<Verifier, SessionFailure> {
        let roots = parse_roots(added_roots.unwrap_or_default())?;
        Verifier::new_with_extra_roots(roots, Arc::clone(&self.provider))
            .map_err(|error| SessionFailure::TlsCertificateInvalid(error.to_string()))
    }

    fn build(&self, verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, SessionFailure> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| SessionFailure::TlsHandshakeFailed(error.to_string()))?
            // rustls calls every verifier of one's own dangerous; this is the platform's, and it verifies.
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        // A resumed session shows no certificate: one that has run out since, or is another server's that shares the ticket's
        // key, would go unseen.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// Whether this machine has roots that certificates can be verified with.
///
/// # Errors
/// Why not; no session with TLS would come about.
pub fn check_roots() -> Result<(), SessionFailure> {
    TlsConfigs::new().verifier(None).map(drop)
}

impl fmt::Debug for TlsConfigs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsConfigs")
    }
}

fn parse_roots(pem: &str) -> Result<Vec<CertificateDer<'static>>, SessionFailure> {
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match roots {
        Ok(roots) if roots.is_empty() && !pem.is_empty() => {
            Err(bad_roots("the added CA certificate is not in PEM form"))
        }
        Ok(roots) => Ok(roots),
        Err(_) => Err(bad_roots("the added CA certificate cannot be read")),
    }
}

fn bad_roots(text: &str) -> SessionFailure {
    SessionFailure::TlsCertificateInvalid(text.to_owned())
}

fn server_name(host: &Host) -> Result<ServerName<'static>, SessionFailure> {
    match host {
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
        Host::Name(name) => {
            ServerName::try_from(name.clone()).map_err(|_| bad_roots("no certificate can be for this host name"))
        }
    }
}

fn why(error: &io::Error) -> SessionFailure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(reason)) => SessionFailure::TlsCertificateInvalid(reason.to_string()),
        Some(other) => SessionFailure::TlsHandshakeFailed(other.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            SessionFailure::TlsHandshakeFailed("the server closed the connection".to_owned())
        }
        None => SessionFailure::ConnectionClosed,
    }
}
