//! A certificate verifier that shows an onlooker what it was given, and what the real one said of it.
//!
//! It decides nothing: every answer is the platform verifier's.

use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;

use crate::sight::{CertificateFault, Sight, Watch};

/// The platform's verifier, watched.
#[derive(Debug)]
pub(super) struct Onlooker {
    pub(super) verifier: Verifier,
    pub(super) watch: Watch,
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self
            .verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let fault = verdict.as_ref().err().map(fault);
        self.watch.see(|| Sight::Presented(end_entity.to_vec(), fault));
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn fault(error: &Error) -> CertificateFault {
    use CertificateError as Why;
    let Error::InvalidCertificate(why) = error else {
        return CertificateFault::Other;
    };
    if matches!(why, Why::UnknownIssuer) {
        CertificateFault::UnknownIssuer
    } else if matches!(why, Why::Expired | Why::ExpiredContext { .. }) {
        CertificateFault::Expired
    } else if matches!(why, Why::NotValidYet | Why::NotValidYetContext { .. }) {
        CertificateFault::NotYetValid
    } else if matches!(why, Why::NotValidForName | Why::NotValidForNameContext { .. }) {
        CertificateFault::WrongName
    } else if matches!(why, Why::Revoked) {
        CertificateFault::Revoked
    } else {
        CertificateFault::Other
    }
}
