//! Remote text made fit to be shown: without credentials, without control characters, and not without end.
//!
//! Whatever a server says of a session with credentials, and is kept or told, passes here: of a test email and of real mail
//! alike. Our own AUTH lines never get here. But a server can repeat what it was told, whole or in part, as it is or encoded; so
//! every piece of a secret, in every usual form, is looked for and blotted out. Only hashes of those pieces are kept.

use std::{
    collections::HashSet,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, OnceLock},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    address::is_invisible,
    connection::{Proof, SmtpServer},
    secret::{ExposeSecret, SecretText},
};
use url::form_urlencoded::byte_serialize;
use zeroize::Zeroizing;

/// Octets of a secret that are looked for at once: fewer would find themselves in ordinary words.
const PIECE: usize = 8;
/// Octets that an encoded form must have to be looked for.
const SHORTEST: usize = 4;
const BLOT: &str = "[redacted]";

/// Knows the secrets of one connection.
#[derive(Default)]
pub(crate) struct Redactor {
    pieces: HashSet<u64>,
    /// Forms shorter than a piece, looked for as a whole.
    whole: Vec<Zeroizing<Vec<u8>>>,
    hasher: RandomState,
}

impl Redactor {
    /// Nothing of this may be shown, in any form.
    pub(crate) fn hide(&mut self, secret: &str) {
        self.hide_form(secret.as_bytes());
        let hex = Zeroizing::new(
            secret
                .bytes()
                .fold(String::new(), |text, octet| text + &format!("{octet:02x}")),
        );
        let mut forms = vec![Zeroizing::new(hex.to_ascii_uppercase()), hex];
        let form = Zeroizing::new(byte_serialize(secret.as_bytes()).collect::<String>());
        let strict = Zeroizing::new(form.replace('+', "%20").replace('*', "%2A"));
        for url in [Zeroizing::new(percent_encoded(secret)), form, strict] {
            forms.push(Zeroizing::new(with_small_escapes(&url)));
            forms.push(url);
        }
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
    pub(crate) fn blotted(&self, text: &str) -> String {
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
    pub(crate) fn shown(&self, text: &str, most: usize) -> String {
        printable(&self.blotted(text), most)
    }
}

/// The secret that a server was told, and must not be quoted with. Until something it said is kept it costs nothing.
#[derive(Clone, Default)]
pub(crate) struct Discretion(Option<Arc<Told>>);

struct Told {
    secret: SecretText,
    redactor: OnceLock<Redactor>,
}

impl Discretion {
    /// About the credentials of this server, if there are any.
    pub(crate) fn of(server: &SmtpServer) -> Self {
        Self(server.credentials.as_ref().map(|credentials| {
            let (Proof::Password(secret) | Proof::AccessToken(secret)) = &credentials.proof;
            Arc::new(Told {
                secret: secret.clone(),
                redactor: OnceLock::new(),
            })
        }))
    }

    /// What the server said, without the secret.
    pub(crate) fn blotted(&self, text: String) -> String {
        let Some(told) = &self.0 else {
            return text;
        };
        let redactor = told.redactor.get_or_init(|| {
            let mut redactor = Redactor::default();
            redactor.hide(told.secret.expose_secret());
            redactor
        });
        redactor.blotted(&text)
    }
}

/// Two are the same where they came from one server's session.
impl PartialEq for Discretion {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Eq for Discretion {}

impl fmt::Debug for Discretion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Discretion")
    }
}

/// Text without anything invisible, each such character as its escape, cut to `most` characters.
pub(crate) fn printable(text: &str, most: usize) -> String {
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

/// The same with the hexadecimal digits of its escapes in small letters, as some write them.
fn with_small_escapes(encoded: &str) -> String {
    let mut letters_left = 0;
    encoded
        .chars()
        .map(|c| {
            let small = if letters_left > 0 { c.to_ascii_lowercase() } else { c };
            letters_left = if c == '%' {
                2
            } else {
                usize::saturating_sub(letters_left, 1)
            };
            small
        })
        .collect()
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
