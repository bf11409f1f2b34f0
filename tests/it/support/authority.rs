//! Certificates for real mail servers, signed by an authority that nobody else trusts.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// The names of this machine's loopback.
pub(crate) const LOOPBACK: [&str; 2] = ["localhost", "127.0.0.1"];

/// A private certification authority, which signs through an intermediate one, as most do.
pub(crate) struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A server's key, and the certificates it shows: PEM, the key first.
#[derive(Debug, Clone)]
pub(crate) struct Identity(pub(crate) String);

impl Authority {
    pub(crate) fn new() -> Self {
        let root = CertifiedIssuer::self_signed(authority("Test Root"), key()).unwrap();
        let intermediate = CertifiedIssuer::signed_by(authority("Test Intermediate"), key(), &root).unwrap();
        Self { root, intermediate }
    }

    /// The root's certificate, as an administrator would upload it.
    pub(crate) fn pem(&self) -> String {
        self.root.pem()
    }

    /// An identity that holds for these names.
    pub(crate) fn identity_for<const N: usize>(&self, names: [&str; N]) -> Identity {
        self.signed(&server(names))
    }

    /// An identity that has run out.
    pub(crate) fn expired_identity_for<const N: usize>(&self, names: [&str; N]) -> Identity {
        let mut params = server(names);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.signed(&params)
    }

    fn signed(&self, params: &CertificateParams) -> Identity {
        let key = key();
        let certificate = params.signed_by(&key, &self.intermediate).unwrap();
        Identity(key.serialize_pem() + &certificate.pem() + &self.intermediate.pem())
    }
}

/// An identity that nobody signed but itself.
pub(crate) fn self_signed_identity_for<const N: usize>(names: [&str; N]) -> Identity {
    let key = key();
    let certificate = server(names).self_signed(&key).unwrap();
    Identity(key.serialize_pem() + &certificate.pem())
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn server<const N: usize>(names: [&str; N]) -> CertificateParams {
    CertificateParams::new(names.map(str::to_owned)).unwrap()
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
