//! Values that must not be seen: no `Debug`, no `Display`, wiped when dropped.
//!
//! `secrecy` does the work; this module gives the project's word for it and the one way to build one from text.

pub use secrecy::ExposeSecret;

/// A value that is wiped when dropped and shows itself only through [`ExposeSecret`].
pub type Secret<T> = secrecy::SecretBox<T>;

/// A secret text: a password, a client secret, a key in its written form.
pub type SecretText = secrecy::SecretString;

/// Wraps a text as a secret.
#[must_use]
pub fn secret_text(text: impl Into<String>) -> SecretText {
    SecretText::from(text.into())
}
