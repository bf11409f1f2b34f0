//! The last look at a mail before it may leave: only CRLF, no line too long, no NUL (RFC 5322 §2.1.1, §2.3).
//!
//! A bare CR or LF is a line end to some servers and not to others; with it, one message can be made to look like two (SMTP
//! smuggling). The composer looks when the mail is made, and every way out looks once more and does not rely on that.

/// Octets of a line, its CRLF not counted (RFC 5322 §2.1.1).
const MAX_LINE: usize = 998;

/// What must not leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireFault {
    /// A CR that no LF follows.
    #[error("the mail holds a CR without LF")]
    BareCr,
    /// An LF that follows no CR.
    #[error("the mail holds an LF without CR")]
    BareLf,
    /// A NUL octet.
    #[error("the mail holds a NUL")]
    Nul,
    /// A line over 998 octets.
    #[error("the mail holds a line of more than {MAX_LINE} octets")]
    LongLine,
    /// The last line has no end.
    #[error("the mail's last line has no end")]
    Unfinished,
}

/// Finds the first octet that must not leave.
///
/// # Errors
/// The [`WireFault`] it makes.
pub(crate) fn check(mail: &[u8]) -> Result<(), WireFault> {
    let Some(lines) = mail.strip_suffix(b"\n") else {
        return Err(WireFault::Unfinished);
    };
    for line in lines.split(|octet| *octet == b'\n') {
        let Some(content) = line.strip_suffix(b"\r") else {
            return Err(WireFault::BareLf);
        };
        if content.contains(&b'\r') {
            return Err(WireFault::BareCr);
        }
        if content.contains(&0) {
            return Err(WireFault::Nul);
        }
        if content.len() > MAX_LINE {
            return Err(WireFault::LongLine);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whatever_two_servers_could_read_in_two_ways_is_found() {
        assert_eq!(check(b"A: b\r\n\r\nc\r\n"), Ok(()));
        assert_eq!(check(b"a\rb\r\n"), Err(WireFault::BareCr));
        assert_eq!(check(b"a\r\r\n"), Err(WireFault::BareCr));
        assert_eq!(check(b"a\nb\r\n"), Err(WireFault::BareLf));
        assert_eq!(check(b"a\n"), Err(WireFault::BareLf));
        assert_eq!(check(b"a\0\r\n"), Err(WireFault::Nul));
        assert_eq!(check(b"a"), Err(WireFault::Unfinished));
        assert_eq!(check(b""), Err(WireFault::Unfinished));
    }

    #[test]
    fn a_line_of_998_octets_is_the_longest() {
        let line = |octets: usize| [vec![b'x'; octets], b"\r\n".to_vec()].concat();
        assert_eq!(check(&line(998)), Ok(()));
        assert_eq!(check(&line(999)), Err(WireFault::LongLine));
    }

    proptest! {
        #[test]
        fn what_passes_holds_cr_and_lf_in_pairs_only(text in prop::collection::vec(prop::sample::select(b"\r\n.a\0".to_vec()), 0..12)) {
            if check(&text).is_ok() {
                let unpaired = String::from_utf8(text).unwrap().replace("\r\n", "");
                prop_assert!(!unpaired.contains(['\r', '\n', '\0']));
            }
        }
    }
}
