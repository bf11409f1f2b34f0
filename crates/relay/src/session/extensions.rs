//! What a server offers, by its answer to EHLO (RFC 5321 §4.1.1.1); keywords we have no use for are passed over.

use crate::stream::WireReply;

/// The offers that change what we say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    offers: u8,
}

/// One offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// RFC 3207.
    StartTls = 1,
    /// RFC 2920.
    Pipelining = 1 << 1,
    /// RFC 1870.
    Size = 1 << 2,
    /// RFC 6152.
    EightBitMime = 1 << 3,
    /// RFC 6531.
    SmtpUtf8 = 1 << 4,
    /// RFC 4954 with the mechanism of RFC 4616.
    AuthPlain = 1 << 5,
    /// RFC 4954 with the mechanism that was never standardised.
    AuthLogin = 1 << 6,
    /// RFC 4954 with the mechanism of Google and Microsoft.
    AuthXoauth2 = 1 << 7,
}

impl Extensions {
    /// Reads the lines behind the first, which is the server's name.
    pub(super) fn of(reply: &WireReply) -> Self {
        let mut extensions = Self::default();
        for line in reply.lines.iter().skip(1) {
            extensions.read(&line.to_ascii_uppercase());
        }
        extensions
    }

    pub(super) const fn has(self, offer: Offer) -> bool {
        self.offers & offer as u8 != 0
    }

    fn read(&mut self, line: &str) {
        // AUTH=LOGIN is how some old servers write AUTH LOGIN.
        let mut words = line.split(|c: char| c == '=' || c.is_ascii_whitespace());
        match words.next() {
            Some("STARTTLS") => self.add(Offer::StartTls),
            Some("PIPELINING") => self.add(Offer::Pipelining),
            Some("SIZE") => self.add(Offer::Size),
            Some("8BITMIME") => self.add(Offer::EightBitMime),
            Some("SMTPUTF8") => self.add(Offer::SmtpUtf8),
            Some("AUTH") => words.for_each(|mechanism| self.read_mechanism(mechanism)),
            Some(_) | None => {}
        }
    }

    fn read_mechanism(&mut self, mechanism: &str) {
        match mechanism {
            "PLAIN" => self.add(Offer::AuthPlain),
            "LOGIN" => self.add(Offer::AuthLogin),
            "XOAUTH2" => self.add(Offer::AuthXoauth2),
            _ => {}
        }
    }

    const fn add(&mut self, offer: Offer) {
        self.offers |= offer as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(lines: &[&str]) -> Extensions {
        Extensions::of(&WireReply {
            code: 250,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            discretion: crate::redact::Discretion::default(),
        })
    }

    #[test]
    fn keywords_are_read_in_any_case_and_with_their_parameters() {
        let offers = offered(&["mx.example", "size 1000", "PIPELINING", "Auth PLAIN XOAUTH2", "  ", ""]);
        assert!(offers.has(Offer::Size));
        assert!(offers.has(Offer::Pipelining));
        assert!(offers.has(Offer::AuthPlain));
        assert!(offers.has(Offer::AuthXoauth2));
        assert!(!offers.has(Offer::AuthLogin));
        assert!(!offers.has(Offer::StartTls));
    }

    #[test]
    fn a_server_whose_name_is_a_keyword_offers_nothing_by_it() {
        assert_eq!(offered(&["PIPELINING"]), Extensions::default());
    }

    #[test]
    fn the_old_spelling_of_auth_is_understood() {
        assert!(offered(&["mx.example", "AUTH=LOGIN PLAIN"]).has(Offer::AuthLogin));
    }
}
