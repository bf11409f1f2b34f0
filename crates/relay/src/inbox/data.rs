//! The text behind DATA: undoes dot transparency and finds every octet that servers could disagree about.
//!
//! The text is read to its true end, CRLF.CRLF, whatever is wrong with it, and refused as a whole afterwards: nothing inside
//! a text can then be taken for a command.

/// Octets of a text line without its CRLF (RFC 5321 §4.5.3.1.6).
const MAX_TEXT_LINE: usize = 998;

/// What makes a text unfit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    BareCr,
    BareLf,
    Nul,
    LongLine,
    TooBig,
}

impl Unfit {
    /// The refusal.
    pub(super) const fn reply(self) -> &'static str {
        match self {
            Self::BareCr => "550 5.5.2 A CR without LF; lines end in CRLF",
            Self::BareLf => "550 5.5.2 An LF without CR; lines end in CRLF",
            Self::Nul => "554 5.6.0 A NUL octet in the text",
            Self::LongLine => "554 5.6.0 A line of more than 998 octets",
            Self::TooBig => "552 5.3.4 More octets than allowed",
        }
    }
}

/// Where in a line the decoder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    Text,
    Cr,
    Dot,
    DotCr,
    End,
}

/// Takes a text octet by octet, in chunks as they come.
#[derive(Debug)]
pub(super) struct Decoder {
    at: At,
    text: Vec<u8>,
    line: usize,
    most: usize,
    unfit: Option<Unfit>,
}

impl Decoder {
    /// A decoder that keeps `most` octets and no more.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            at: At::LineStart,
            text: Vec::new(),
            line: 0,
            most,
            unfit: None,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.at == At::End
    }

    /// The text, or the first thing wrong with it.
    pub(super) fn finish(self) -> Result<Vec<u8>, Unfit> {
        match self.unfit {
            Some(unfit) => Err(unfit),
            None => Ok(self.text),
        }
    }

    /// Takes octets up to the end of the text; says how many.
    pub(super) fn take(&mut self, octets: &[u8]) -> usize {
        let mut taken = 0;
        for octet in octets {
            if self.is_complete() {
                break;
            }
            self.step(*octet);
            taken += 1;
        }
        taken
    }

    fn step(&mut self, octet: u8) {
        self.at = match (self.at, octet) {
            (At::LineStart, b'.') => At::Dot,
            (At::Dot, b'\r') => At::DotCr,
            (At::DotCr, b'\n') | (At::End, _) => At::End,
            (At::Cr, b'\n') => self.end_line(),
            (At::Cr | At::DotCr, _) => {
                self.blame(Unfit::BareCr);
                self.text_octet(octet)
            }
            // A dot that begins a line with more behind it is the sender's transparency (RFC 5321 §4.5.2).
            (At::LineStart | At::Text | At::Dot, _) => self.text_octet(octet),
        };
    }

    fn text_octet(&mut self, octet: u8) -> At {
        match octet {
            b'\r' => return At::Cr,
            b'\n' => self.blame(Unfit::BareLf),
            0 => self.blame(Unfit::Nul),
            _ => {}
        }
        self.line += 1;
        if self.line > MAX_TEXT_LINE {
            self.blame(Unfit::LongLine);
        }
        self.keep(&[octet]);
        At::Text
    }

    fn end_line(&mut self) -> At {
        self.line = 0;
        self.keep(b"\r\n");
        At::LineStart
    }

    fn keep(&mut self, octets: &[u8]) {
        if self.text.len() + octets.len() > self.most {
            self.blame(Unfit::TooBig);
        } else {
            self.text.extend_from_slice(octets);
        }
    }

    fn blame(&mut self, unfit: Unfit) {
        self.unfit.get_or_insert(unfit);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(wire: &[u8]) -> (usize, Option<Result<Vec<u8>, Unfit>>) {
        let mut decoder = Decoder::new(100_000);
        let taken = decoder.take(wire);
        (taken, decoder.is_complete().then(|| decoder.finish()))
    }

    #[test]
    fn the_dots_of_transparency_are_taken_off() {
        let (taken, text) = decode(b"..a\r\n.b\r\n...\r\n.\r\nQUIT\r\n");
        assert_eq!(text, Some(Ok(b".a\r\nb\r\n..\r\n".to_vec())));
        assert_eq!(taken, 17);
    }

    #[test]
    fn an_empty_text_is_a_text() {
        assert_eq!(decode(b".\r\n").1, Some(Ok(Vec::new())));
    }

    #[test]
    fn only_crlf_dot_crlf_ends_the_text() {
        for almost in [
            &b"a\n.\n"[..],
            b"a\r\n.\n",
            b"a\n.\r\n",
            b"a\r.\r",
            b"a\r\n.\r",
            b"a\r.\r\n",
            b"a\r\n.\r.\r\n",
            b"\n.\n",
        ] {
            assert_eq!(decode(almost).1, None, "{almost:?} ended the text");
        }
    }

    #[test]
    fn what_servers_could_disagree_about_is_refused_at_the_true_end() {
        let unfit = |wire: &[u8]| decode(wire).1.and_then(Result::err);
        assert_eq!(unfit(b"a\n.\nMAIL FROM:<x@y.example>\r\n.\r\n"), Some(Unfit::BareLf));
        assert_eq!(unfit(b"a\rb\r\n.\r\n"), Some(Unfit::BareCr));
        assert_eq!(unfit(b"a\r\r\n.\r\n"), Some(Unfit::BareCr));
        assert_eq!(unfit(b".\rX\r\n.\r\n"), Some(Unfit::BareCr));
        assert_eq!(unfit(b"a\0b\r\n.\r\n"), Some(Unfit::Nul));
    }

    #[test]
    fn a_line_of_998_octets_is_the_longest() {
        let text = |octets: usize| [vec![b'x'; octets], b"\r\n.\r\n".to_vec()].concat();
        assert!(matches!(decode(&text(998)).1, Some(Ok(_))));
        assert_eq!(decode(&text(999)).1, Some(Err(Unfit::LongLine)));
    }

    #[test]
    fn a_text_over_the_bound_is_not_stored_and_refused() {
        let mut decoder = Decoder::new(4);
        decoder.take(b"abcdefgh\r\n.\r\n");
        assert!(decoder.is_complete());
        assert!(decoder.text.len() <= 4);
        assert_eq!(decoder.finish(), Err(Unfit::TooBig));
    }

    proptest! {
        #[test]
        fn a_stuffed_text_comes_back_whole_in_chunks_of_any_size(
            lines in prop::collection::vec("[.a-z ]{0,20}\r\n", 0..20),
            chunk in 1_usize..30,
        ) {
            let text = lines.concat();
            let stuffed: Vec<String> = lines.iter().map(|line| line.replacen('.', "..", usize::from(line.starts_with('.')))).collect();
            let wire = format!("{}.\r\n", stuffed.concat());
            let mut decoder = Decoder::new(100_000);
            let taken: usize = wire.as_bytes().chunks(chunk).map(|part| decoder.take(part)).sum();
            prop_assert_eq!(taken, wire.len());
            prop_assert!(decoder.is_complete());
            prop_assert_eq!(decoder.finish(), Ok(text.into_bytes()));
        }
    }
}
