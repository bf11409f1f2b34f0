//! What one setting is: its key, its meaning, its default, whether it may be shown, and how its text is read.
//!
//! Variable and flag are made from the key, so the three spellings of a setting cannot drift apart. The typed
//! [`Setting`] holds the parser; [`About`] is the part that does not depend on the type, so that all settings fit one slice.

use std::str::FromStr;

use domain::fault::Fault;

/// What every variable begins with.
pub(super) const VARIABLE_PREFIX: &str = "LETTERHEAD_";
/// What a variable ends with that names a file holding the value.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// A setting and the parser of its value.
pub(super) struct Setting<T> {
    /// What it is.
    pub(super) about: About,
    /// Reads the text; the fault says what would be accepted, and never repeats the text.
    pub(super) parse: fn(&str) -> Result<T, Fault>,
}

/// A setting without its type.
pub struct About {
    /// Snake case: the key in the file, and what variable and flag are made from.
    pub key: &'static str,
    /// What a value looks like, for help texts: `ADDRESS:PORT`, `SECONDS`.
    pub form: &'static str,
    /// What holds where nothing is set.
    pub default: Fallback,
    /// Whether the value may be shown.
    pub secrecy: Secrecy,
    /// What an empty text means.
    pub empty: Empty,
    /// Where the setting can stand.
    pub place: Place,
    /// One sentence: meaning, unit, range.
    pub description: &'static str,
}

/// What holds where nothing is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// This text.
    Fixed(&'static str),
    /// Made from other settings, as described.
    Derived(&'static str),
    /// Nothing; what that means is described.
    Absent(&'static str),
}

/// How a value is shown.
#[derive(Clone, Copy)]
pub enum Secrecy {
    /// As it is.
    Public,
    /// As `(set)`.
    Secret,
    /// With its secret parts replaced by this function.
    Partly(fn(&str) -> String),
}

/// What an empty text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// The same as no text at all.
    Unset,
    /// A list without entries, which is not the same as an unset list.
    List,
}

/// Where a setting can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Flag, variable, variable with `_FILE`, key of the file.
    Everywhere,
    /// Flag and variable only: it names the file itself.
    OutsideTheFile,
}

impl About {
    /// The environment variable: `LETTERHEAD_` and the key in capitals.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key.to_ascii_uppercase())
    }

    /// The variable that names a file holding the value, where there is one.
    #[must_use]
    pub fn file_variable(&self) -> Option<String> {
        match self.place {
            Place::Everywhere => Some(format!("{}{FILE_SUFFIX}", self.variable())),
            Place::OutsideTheFile => None,
        }
    }

    /// The flag without its two hyphens.
    #[must_use]
    pub fn long_flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The value as people may see it.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        match self.secrecy {
            Secrecy::Public => text.to_owned(),
            Secrecy::Secret => "(set)".to_owned(),
            Secrecy::Partly(redact) => redact(text),
        }
    }
}

/// A parser for types that bring their own.
///
/// # Errors
/// The type's own fault.
pub(super) fn from_str<T: FromStr<Err = Fault>>(text: &str) -> Result<T, Fault> {
    text.parse()
}
