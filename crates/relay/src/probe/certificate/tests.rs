//! A certificate is read to its end and issuer, and no octets make the reader panic.

use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

use super::*;

#[test]
fn the_end_the_issuer_and_a_signature_of_its_own_are_read() {
    for (year, end) in [(2031, "2031-05-06T00:00:00+00:00"), (2062, "2062-05-06T00:00:00+00:00")] {
        let mut params = CertificateParams::new(["mail.example".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 5, 6);
        params.distinguished_name.push(DnType::CommonName, "Globex CA");
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();

        let read = Certificate::read(made.der()).unwrap();

        assert_eq!(read.not_after.to_rfc3339(), end);
        assert_eq!(read.issuer.as_deref(), Some("Globex CA"));
        assert!(read.is_self_signed);
    }
}

proptest! {
    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Certificate::read(&octets);
        let _ = Certificate::read(&[&[SEQUENCE, 0x81, 0xc0, SEQUENCE, 0x81, 0xb0], octets.as_slice()].concat());
    }
}
