//! What is wrong with a server's certificate. None of it can be overlooked: there is no setting that skips the check.

use super::{
    super::{record::Seen, report::FailureCode::TlsCertificateInvalid},
    Advice,
    Who::{self, Operator, Server, Settings},
};
use crate::sight::CertificateFault;

const fn line(who: Who, text: &'static str) -> Advice {
    Advice {
        code: TlsCertificateInvalid,
        who,
        text,
    }
}

const SELF_SIGNED: Advice = line(
    Settings,
    "The server's certificate is signed by itself alone. If you know it to be genuine, put it into ca_certificate_pem; better, \
     have the mail server's administrator install one from a certification authority.",
);
const UNKNOWN_ISSUER: Advice = line(
    Settings,
    "The server's certificate is signed by an authority{issuer} that is not trusted here, as a company's own is, or the server does not \
     send the certificates in between. Put the authority's certificate (PEM) into ca_certificate_pem.",
);
const EXPIRED: Advice = line(
    Server,
    "The server's certificate has expired. It has to be renewed on the mail server.",
);
const NOT_YET_VALID: Advice = line(
    Operator,
    "The server's certificate is not valid yet. Check the clock of this machine, and the dates of the certificate.",
);
const WRONG_NAME: Advice = line(
    Settings,
    "The server's certificate is for another name than {server}. Set Email Server to a name that the certificate is for; an \
     address works only if the certificate names it.",
);
const REVOKED: Advice = line(
    Server,
    "The server's certificate was revoked by its issuer. The mail server needs a new one.",
);
const OTHER: Advice = line(
    Server,
    "The server's certificate does not hold. The step's detail says why; the mail server needs another one.",
);
/// No certificate was shown: what is wrong is one of ours.
const BAD_ROOTS: Advice = line(
    Settings,
    "The connection was not begun, since ca_certificate_pem cannot be used. Give one or more whole certificates in PEM, or null.",
);

pub(super) fn advice(seen: &Seen) -> Advice {
    match seen.fault {
        Some(CertificateFault::UnknownIssuer | CertificateFault::Other) if seen.is_self_signed() => SELF_SIGNED,
        Some(CertificateFault::UnknownIssuer) => UNKNOWN_ISSUER,
        Some(CertificateFault::Expired) => EXPIRED,
        Some(CertificateFault::NotYetValid) => NOT_YET_VALID,
        Some(CertificateFault::WrongName) => WRONG_NAME,
        Some(CertificateFault::Revoked) => REVOKED,
        Some(CertificateFault::Other) => OTHER,
        None => BAD_ROOTS,
    }
}
