//! The little of a certificate (RFC 5280 §4.1) that a test email tells: until when it is good, and who signed it.
//!
//! The handshake has verified it, or said why not; nothing is decided here, so what cannot be read is left out.

use chrono::NaiveDateTime;
use domain::clock::Timestamp;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const VERSION: u8 = 0xa0;
/// `id-at-commonName` (2.5.4.3).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// It is good until then.
    pub(super) not_after: Timestamp,
    /// The common name of whoever signed it.
    pub(super) issuer: Option<String>,
    /// Whether that is the server itself.
    pub(super) is_self_signed: bool,
}

impl Certificate {
    /// Reads a certificate in DER.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Reader(Reader(der).take()?.content);
        let mut signed = Reader(certificate.take()?.content);
        if signed.take()?.tag == VERSION {
            // The serial number, with which a certificate of version 1 begins.
            signed.take()?;
        }
        // How it is signed.
        signed.take()?;
        let issuer = signed.take()?;
        let mut validity = Reader(signed.take()?.content);
        let subject = signed.take()?;
        // From when it is good.
        validity.take()?;
        Some(Self {
            not_after: instant(&validity.take()?)?,
            issuer: common_name(issuer.content),
            is_self_signed: issuer.content == subject.content,
        })
    }
}

/// A tag and what belongs to it.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// Takes elements off the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (octets, rest) = rest
                .split_at_checked(usize::from(first & 0x7f))
                .filter(|(o, _)| o.len() <= 4)?;
            (
                octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)),
                rest,
            )
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag, content })
    }
}

/// `UTCTime` or `GeneralizedTime` in the one form that RFC 5280 §4.1.2.5 allows.
fn instant(element: &Element<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(element.content).ok()?;
    let full = if element.tag == UTC_TIME {
        let century = if text.get(..2)? < "50" { "20" } else { "19" };
        format!("{century}{text}")
    } else {
        text.to_owned()
    };
    Some(NaiveDateTime::parse_from_str(&full, "%Y%m%d%H%M%SZ").ok()?.and_utc())
}

fn common_name(name: &[u8]) -> Option<String> {
    let mut parts = Reader(name);
    while let Some(part) = parts.take() {
        let attribute = Reader(part.content)
            .take()
            .filter(|attribute| attribute.tag == SEQUENCE)?;
        let mut pair = Reader(attribute.content);
        if pair.take()?.content == COMMON_NAME {
            return Some(String::from_utf8_lossy(pair.take()?.content).into_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests;
