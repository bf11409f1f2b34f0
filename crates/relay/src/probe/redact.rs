//! Remote text made fit to be shown: without credentials, without control characters, and not without end.
//!
//! Our own AUTH lines never get here. But a server can repeat what it was told, whole or in part, as it is or encoded; so
//! every piece of a secret, in every usual form, is looked for and blotted out. Only hashes of those pieces are kept.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::address::is_invisible;
use zeroize::Zeroizing;

/// Octets of a secret that are looked for at once: fewer would find themselves in ordinary words.
const PIECE: usize = 8;
/// Octets that an encoded form must have to be looked for.
const SHORTEST: usize = 4;
const BLOT: &str = "[redacted]";

/// Knows the secrets of one test.
#[derive(Default)]
pub(super) struct Redactor {
    pieces: HashSet<u64>,
    /// Forms shorter than a piece, looked for as a whole.
    whole: Vec<Zeroizing<Vec<u8>>>,
    hasher: RandomState,
}

impl Redactor {
    /// Nothing of this may be shown, in any form.
    pub(super) fn hide(&mut self, secret: &str) {
        self.hide_form(secret.as_bytes());
        let hex = Zeroizing::new(
            secret
                .bytes()
                .fold(String::new(), |text, octet| text + &format!("{octet:02x}")),
        );
        let url = Zeroizing::new(percent_encoded(secret));
        let mut forms = vec![Zeroizing::new(hex.to_ascii_uppercase()), hex, url];
        for before in 0..3 {
            let octets = Zeroizing::new([&vec![0; before], secret.as_bytes()].concat());
            for text in [STANDARD_NO_PAD.encode(&*octets), URL_SAFE_NO_PAD.encode(&*octets)] {
                forms.push(Zeroizing::new(own_letters(&text, before, octets.len())));
            }
        }
        forms.push(Zeroizing::new(STANDARD_NO_PAD.encode(secret)));
        for form in forms.iter().filter(|form| form.len() >= SHORTEST) {
            self.hide_form(form.as_bytes());
        }
    }

    fn hide_form(&mut self, form: &[u8]) {
        if form.len() < PIECE {
            if !form.is_empty() {
                self.whole.push(Zeroizing::new(form.to_vec()));
            }
            return;
        }
        for piece in form.windows(PIECE) {
            self.pieces.insert(self.hasher.hash_one(piece));
        }
    }

    /// The text with every piece of a secret blotted out.
    fn blotted(&self, text: &str) -> String {
        let hidden = self.hidden(text.as_bytes());
        let mut shown = String::new();
        let mut blotting = false;
        for (at, c) in text.char_indices() {
            let is_hidden = hidden.iter().skip(at).take(c.len_utf8()).any(|hidden| *hidden);
            if !is_hidden {
                shown.push(c);
            } else if !blotting {
                shown.push_str(BLOT);
            }
            blotting = is_hidden;
        }
        shown
    }

    /// Which octets belong to a secret.
    fn hidden(&self, octets: &[u8]) -> Vec<bool> {
        let mut hidden = vec![false; octets.len()];
        let mut hide =
            |at: usize, length: usize| hidden.iter_mut().skip(at).take(length).for_each(|octet| *octet = true);
        for (at, piece) in octets.windows(PIECE).enumerate() {
            if self.pieces.contains(&self.hasher.hash_one(piece)) {
                hide(at, PIECE);
            }
        }
        for form in &self.whole {
            for (at, _) in octets
                .windows(form.len())
                .enumerate()
                .filter(|(_, seen)| *seen == form.as_slice())
            {
                hide(at, form.len());
            }
        }
        hidden
    }

    /// Text of somebody else, fit to be shown: at most `most` characters.
    pub(super) fn shown(&self, text: &str, most: usize) -> String {
        printable(&self.blotted(text), most)
    }
}

/// Text without anything invisible, each such character as its escape, cut to `most` characters.
pub(super) fn printable(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == most {
            shown.push('…');
            break;
        }
        if is_invisible(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The letters of base64 that come from the secret alone, whatever stands before and behind it.
fn own_letters(encoded: &str, before: usize, octets: usize) -> String {
    let first = (before * 8).div_ceil(6);
    let last = if octets.is_multiple_of(3) {
        encoded.len()
    } else {
        encoded.len().saturating_sub(1)
    };
    encoded.get(first..last).unwrap_or_default().to_owned()
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, octet| {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded + char::from(octet).encode_utf8(&mut [0; 4])
        } else {
            encoded + &format!("%{octet:02X}")
        }
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn knowing(secret: &str) -> Redactor {
        let mut redactor = Redactor::default();
        redactor.hide(secret);
        redactor
    }

    #[test]
    fn a_secret_is_blotted_out_in_every_usual_form_and_in_part() {
        let secret = "canary+pass word/9";
        let redactor = knowing(secret);
        let encoded = STANDARD.encode(format!("\0relay\0{secret}"));
        for said in [
            secret.to_owned(),
            STANDARD.encode(secret),
            encoded.clone(),
            "63616e6172792b70617373".to_owned(),
            "canary%2Bpass%20word%2F9".to_owned(),
            secret.split_at(10).0.to_owned(),
        ] {
            let shown = redactor.shown(&format!("535 5.7.8 you said {said} just now"), 500);
            assert!(shown.contains(BLOT) && shown.ends_with(" just now"), "{shown}");
            assert!(!shown.contains("canary") && !shown.contains(secret), "{shown}");
        }
        let shown = redactor.shown(&encoded, 500);
        assert!(shown.len() < encoded.len(), "{shown}");
    }

    #[test]
    fn a_short_secret_is_found_as_a_whole_and_words_stay_as_they_are() {
        assert_eq!(knowing("abc").shown("xabcx abd", 100), "x[redacted]x abd");
        assert_eq!(
            knowing("correct horse").shown("250 ok: queued as 1A2B", 100),
            "250 ok: queued as 1A2B"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_escaped_and_what_is_long_is_cut() {
        let redactor = Redactor::default();
        assert_eq!(
            redactor.shown("a\rb\u{1b}[31mc\u{202e}", 100),
            "a\\rb\\u{1b}[31mc\\u{202e}"
        );
        assert_eq!(redactor.shown("abcdef", 3), "abc…");
    }

    proptest! {
        #[test]
        fn no_secret_is_readable_in_what_is_shown(secret in "[a-zA-Z0-9+/ ü]{8,40}", around in "[a-z =]{0,20}") {
            let redactor = knowing(&secret);
            for said in [secret.clone(), STANDARD.encode(&secret), STANDARD.encode(format!("\0{around}\0{secret}"))] {
                let shown = redactor.shown(&format!("{around}{said}{around}"), 1000);
                prop_assert!(!shown.contains(&said), "{shown}");
                prop_assert!(!shown.contains(&secret), "{shown}");
            }
        }
    }
}
