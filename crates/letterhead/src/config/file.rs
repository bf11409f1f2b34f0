//! The configuration file: TOML, flat, every key one of the table's.
//!
//! A key that is not known stops start-up, because a misspelt setting that is silently ignored is found only by its
//! consequences.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{
    setting::{About, Empty, Place},
    suggest, table,
};
use crate::start_error::StartError;

/// The longest file that is read, in octets; beyond it, a wrong file was named.
const MAX_FILE: u64 = 1024 * 1024;

/// The settings of a configuration file, as text.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    values: BTreeMap<&'static str, String>,
}

impl ConfigFile {
    /// Reads a file; what is wrong with it is added to `faults`, what is right is kept.
    pub(super) fn read(path: &Path, faults: &mut Vec<StartError>) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            values: BTreeMap::new(),
        };
        match parse(path) {
            Ok(table) => {
                for (key, value) in &table {
                    file.take(key, value, faults);
                }
            }
            Err(fault) => faults.push(fault),
        }
        file
    }

    pub(super) fn get(&self, about: &About) -> Option<&str> {
        self.values.get(about.key).map(String::as_str)
    }

    fn take(&mut self, key: &str, value: &Value, faults: &mut Vec<StartError>) {
        let place = format!("file {}:{key}", self.path.display());
        let Some(about) = known().find(|about| about.key == key) else {
            faults.push(unknown(&place, key, value));
            return;
        };
        match text_of(value, about.empty) {
            Some(text) => {
                self.values.insert(about.key, text);
            }
            None => faults.push(StartError::new(
                format!("{place} is {}", article(value.type_str())),
                match about.empty {
                    Empty::List => "give a text or an array of texts",
                    Empty::Unset => "give a text in quotes, or a whole number",
                },
            )),
        }
    }
}

fn parse(path: &Path) -> Result<Table, StartError> {
    let text = read_text(path, MAX_FILE).map_err(|error| {
        StartError::new(
            format!("cannot read the configuration file {} ({error})", path.display()),
            "name a readable TOML file with --config or LETTERHEAD_CONFIG",
        )
    })?;
    // Only message and line: the error's own text quotes the line, which may hold a secret.
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        StartError::new(
            format!(
                "file {}, line {}, is not TOML",
                path.display(),
                before.matches('\n').count() + 1
            ),
            error.message(),
        )
    })
}

/// A file's text, refused beyond `longest` octets.
pub(super) fn read_text(path: &Path, longest: u64) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(longest + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= longest) {
        Ok(text)
    } else {
        Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {longest} octets"),
        ))
    }
}

fn known() -> impl Iterator<Item = &'static About> {
    table::ALL.into_iter().filter(|about| about.place == Place::Everywhere)
}

fn unknown(place: &str, key: &str, value: &Value) -> StartError {
    // `[database] url = …` is a common guess at `database_url`.
    let spellings: Vec<String> = match value {
        Value::Table(inner) => inner.keys().map(|name| format!("{key}_{name}")).collect(),
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_) => vec![key.replace('-', "_").to_ascii_lowercase()],
    };
    let meant = spellings
        .iter()
        .find_map(|spelling| suggest::nearest(spelling, known().map(|about| about.key)));
    StartError::new(
        format!("{place} is not a known key"),
        match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "`letterhead config reference` lists all keys".to_owned(),
        },
    )
}

fn text_of(value: &Value, empty: Empty) -> Option<String> {
    match (value, empty) {
        (Value::String(text), _) => Some(text.clone()),
        (Value::Integer(number), _) => Some(number.to_string()),
        (Value::Array(entries), Empty::List) => {
            let texts: Option<Vec<&str>> = entries.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        (Value::Array(_), Empty::Unset)
        | (Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Table(_), _) => None,
    }
}

fn article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {kind}")
}
