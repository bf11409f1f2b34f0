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
mod tests;
