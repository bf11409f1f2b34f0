//! How large a mail is at least, known before it is made: what no server could take is refused while somebody is there to
//! hear of it.

use super::kind::Content;

impl Content {
    /// Octets of the mail that says this, at least: its text in quoted-printable (RFC 2045 §6.7), and again in HTML where
    /// that is made of the same text. Whatever a template adds, and whatever markup may lose, is not counted.
    #[must_use]
    pub fn least_mime(&self) -> usize {
        match self {
            Self::TwoFactorCode(code) => quoted_printable(&code.code),
            Self::AccessRequest(request) => quoted_printable(&request.reason),
            Self::Notification(notification) => quoted_printable(&notification.body_markdown),
            Self::System(system) => {
                let text = quoted_printable(&system.body_text);
                match system.body_html {
                    Some(_) => text,
                    None => text.saturating_mul(2),
                }
            }
        }
    }
}

/// Octets of a text once it is encoded; blanks and line ends, which may go, are not counted.
fn quoted_printable(text: &str) -> usize {
    let octets = |octet: u8| match octet {
        b' ' | b'\t' | b'\r' | b'\n' => 0,
        b'=' => 3,
        b'!'..=b'~' => 1,
        0..=b' ' | 0x7f..=u8::MAX => 3,
    };
    text.bytes().map(octets).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::kind::System;

    #[test]
    fn what_is_beyond_ascii_counts_three_times_and_blanks_do_not() {
        assert_eq!(quoted_printable("a b\r\n=ü"), 1 + 1 + 3 + 6);
    }

    #[test]
    fn a_text_without_html_is_sent_twice() {
        let system = |body_html: Option<&str>| {
            Content::System(System {
                subject: "s".to_owned(),
                body_text: "abc".to_owned(),
                body_html: body_html.map(str::to_owned),
            })
        };
        assert_eq!(system(None).least_mime(), 6);
        assert_eq!(system(Some("<p>abc</p>")).least_mime(), 3);
    }
}
