//! Values of headers as octets: quoting, RFC 2047 where it is needed and only there, folding.
//!
//! Nothing that goes in can end a header: control characters become blanks, and what is not printable ASCII is encoded as a
//! whole, blanks included, so that the spaces between words survive every reader.

use std::fmt::{self, Write};

use domain::branding::Mailbox;
use email_encoding::headers::{rfc2047, writer::EmailWriter};

use super::ComposeError;

/// Octets of a header line that are aimed at (RFC 5322 §2.1.1).
const LINE: usize = 78;

/// A text such as a subject. A literal `=?…?=` in it is encoded, so that readers see it and do not decode it.
pub(super) fn unstructured(name: &'static str, text: &str) -> Result<String, ComposeError> {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    write_value(name, |writer| {
        if is_printable_ascii(&one_line) && !one_line.contains("=?") {
            writer.folding().write_str(&one_line)
        } else {
            rfc2047::encode(&one_line, writer)
        }
    })
}

/// One mailbox. A local part beyond ASCII stands as it is (RFC 6532 §3.2): there is no encoding for it.
pub(super) fn mailbox(name: &'static str, mailbox: &Mailbox) -> Result<String, ComposeError> {
    let address = mailbox.address.to_string();
    write_value(name, |writer| {
        let Some(shown) = &mailbox.name else {
            return writer.write_str(&address);
        };
        phrase(shown.as_str(), writer)?;
        writer.space();
        if writer.projected_line_len() + address.len() + "<>".len() > LINE {
            writer.new_line()?;
        }
        write!(writer, "<{address}>")
    })
}

/// A message identifier in its angle brackets (RFC 5322 §3.6.4); `id` is what stands between them.
pub(super) fn message_id(name: &'static str, id: &str) -> Result<String, ComposeError> {
    let sound = id.contains('@')
        && id
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && !b"<>".contains(&octet));
    if sound {
        Ok(format!("<{id}>"))
    } else {
        Err(ComposeError::Header(name))
    }
}

/// A name: words as they are, else one quoted string, else encoded words (RFC 5322 §3.2.5, RFC 2047 §5).
fn phrase(text: &str, writer: &mut EmailWriter<'_>) -> fmt::Result {
    if text.split(' ').all(is_word) {
        writer.folding().write_str(text)
    } else if is_printable_ascii(text) {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        write!(writer, "\"{escaped}\"")
    } else {
        rfc2047::encode(text, writer)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
}

fn is_printable_ascii(text: &str) -> bool {
    text.bytes().all(|octet| matches!(octet, b' '..=b'~'))
}

fn write_value(
    name: &'static str,
    write: impl FnOnce(&mut EmailWriter<'_>) -> fmt::Result,
) -> Result<String, ComposeError> {
    let mut value = String::new();
    {
        let mut writer = EmailWriter::new(&mut value, name.len() + ": ".len(), 0, false);
        write(&mut writer).map_err(|_| ComposeError::Header(name))?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
