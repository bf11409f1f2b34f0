//! The message that every system gets: plain text of a given size, under a recipient that names it.
//!
//! The recipient is the one thing that every system hands on unchanged, so it tells the sink which message has arrived.

use std::fmt::Write as _;

/// Nobody's domain (RFC 2606 §2).
const DOMAIN: &str = "sink.example";
/// Prose in lines as people write them; repeated to the size wanted.
const LINE: &str = "The nightly job has finished. Nothing needs to be done by anybody now.\n";

/// Which message of a run: a number within a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tag {
    pub(crate) series: u32,
    pub(crate) number: u32,
}

impl Tag {
    /// The recipient of this message.
    pub(crate) fn recipient(self) -> String {
        format!("s{}-{}@{DOMAIN}", self.series, self.number)
    }

    /// The message that a recipient names.
    pub(crate) fn of_recipient(recipient: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(recipient).ok()?;
        let (local, _) = text.split_once('@')?;
        let (series, number) = local.strip_prefix('s')?.split_once('-')?;
        Some(Self {
            series: series.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

/// Messages of one size, ready to be addressed.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// The text as a JSON string, quotes included.
    json_text: String,
    /// The text with the line ends of SMTP.
    wire_text: String,
}

impl Letter {
    /// A letter whose text has about `size` octets.
    pub(crate) fn of_size(size: usize) -> Self {
        let lines = size.div_ceil(LINE.len()).max(1);
        let text = LINE.repeat(lines);
        Self {
            json_text: serde_json::Value::from(text.as_str()).to_string(),
            wire_text: text.replace('\n', "\r\n"),
        }
    }

    /// A `system` message for `POST …/messages`, appended to `body`; `send_at` is an RFC 3339 instant.
    pub(crate) fn write_json(&self, body: &mut String, tag: Tag, send_at: Option<&str>) {
        let Self { json_text, .. } = self;
        let to = tag.recipient();
        let later = send_at.map(|at| format!(r#","send_at":"{at}""#)).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(
            body,
            r#"{{"kind":"system","to":[{{"email":"{to}"}}],"data":{{"subject":"Nightly job","body_text":{json_text}}}{later}}}"#
        );
    }

    /// The same as mail data, final dot included.
    pub(crate) fn mail(&self, tag: Tag) -> String {
        let Self { wire_text, .. } = self;
        let Tag { series, number } = tag;
        format!(
            "From: No Reply <no-reply@{DOMAIN}>\r\nTo: {to}\r\nSubject: Nightly job\r\n\
             Message-ID: <{series}.{number}@{DOMAIN}>\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{wire_text}.\r\n",
            to = tag.recipient(),
        )
    }
}

/// A code for one recipient, for `POST …/messages`.
pub(crate) fn code_json(tag: Tag) -> String {
    let to = tag.recipient();
    format!(
        r#"{{"kind":"two_factor_code","to":[{{"email":"{to}"}}],"data":{{"code":"493021","expires_in_minutes":10}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_names_its_message() {
        let tag = Tag { series: 3, number: 71 };

        assert_eq!(Tag::of_recipient(tag.recipient().as_bytes()), Some(tag));
        assert_eq!(Tag::of_recipient(b"postmaster@sink.example"), None);
    }

    #[test]
    fn a_letter_is_valid_json_of_the_size_asked_for() {
        let mut body = String::new();

        Letter::of_size(4096).write_json(&mut body, Tag { series: 0, number: 1 }, Some("2030-01-01T00:00:00Z"));

        let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
        let text = parsed["data"]["body_text"].as_str().unwrap();
        assert!((4096..4096 + LINE.len()).contains(&text.len()));
        assert_eq!(parsed["send_at"], "2030-01-01T00:00:00Z");
    }
}
