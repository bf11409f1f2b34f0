//! The last look at a text before it goes out: what servers could disagree about must not be written.
//!
//! A bare CR or LF is a line end to some servers and not to others; with it, one message can be made to look like two (SMTP
//! smuggling). The composer makes no such text; this filter does not rely on that.

/// Octets of a line without its CRLF at most (RFC 5321 §4.5.3.1.6).
const MAX_LINE: usize = 998;

/// Why a text must not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A CR without LF.
    #[error("a CR without LF")]
    BareCr,
    /// An LF without CR.
    #[error("an LF without CR")]
    BareLf,
    /// A NUL (RFC 5322 §4.1 knows it only as obsolete).
    #[error("a NUL")]
    Nul,
    /// A line over 998 octets.
    #[error("a line of more than 998 octets")]
    LongLine,
    /// Nothing at all.
    #[error("no text")]
    Empty,
}

/// The text without its final CRLF, which the dot brings along: with both, a blank line would be added.
pub(super) fn checked(text: &[u8]) -> Result<&[u8], Unfit> {
    let text = text.strip_suffix(b"\r\n").unwrap_or(text);
    if text.is_empty() {
        return Err(Unfit::Empty);
    }
    let mut lines = text.split(|octet| *octet == b'\n');
    // Only the last line is without LF, and so must be without CR.
    if let Some(last) = lines.next_back() {
        check_content(last)?;
    }
    for line in lines {
        check_content(line.strip_suffix(b"\r").ok_or(Unfit::BareLf)?)?;
    }
    Ok(text)
}

fn check_content(line: &[u8]) -> Result<(), Unfit> {
    if line.len() > MAX_LINE {
        return Err(Unfit::LongLine);
    }
    for octet in line {
        match octet {
            b'\r' => return Err(Unfit::BareCr),
            0 => return Err(Unfit::Nul),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_octet_servers_disagree_about_is_refused() {
        for (text, why) in [
            (&b"a\nb\r\n"[..], Unfit::BareLf),
            (b"a\rb\r\n", Unfit::BareCr),
            (b"a\r\r\nb\r\n", Unfit::BareCr),
            (b"a\r", Unfit::BareCr),
            (b"a\n", Unfit::BareLf),
            (b"a\n.\n", Unfit::BareLf),
            (b"a\0b\r\n", Unfit::Nul),
            (b"", Unfit::Empty),
            (b"\r\n", Unfit::Empty),
        ] {
            assert_eq!(checked(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_line_has_998_octets_at_most() {
        let longest = [&[b'x'; 998][..], b"\r\n"].concat();
        assert!(checked(&longest).is_ok());
        let longer = [&[b'x'; 999][..], b"\r\n"].concat();
        assert_eq!(checked(&longer), Err(Unfit::LongLine));
    }

    #[test]
    fn only_one_final_line_end_is_taken_off() {
        assert_eq!(checked(b"a: b\r\n\r\nc\r\n\r\n"), Ok(&b"a: b\r\n\r\nc\r\n"[..]));
        assert_eq!(checked(b"a: b"), Ok(&b"a: b"[..]));
    }

    proptest! {
        #[test]
        fn what_passes_holds_cr_and_lf_in_pairs_only(text in prop::collection::vec(prop::sample::select(b"\r\n.a\0".to_vec()), 0..12)) {
            if let Ok(fit) = checked(&text) {
                let unpaired = String::from_utf8(fit.to_vec()).unwrap().replace("\r\n", "");
                prop_assert!(!unpaired.contains(['\r', '\n', '\0']));
            }
        }
    }
}
