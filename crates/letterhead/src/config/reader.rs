//! Takes each setting from the first place that has it, and remembers faults instead of stopping at one.
//!
//! Whoever mends a configuration wants the whole list, so a fault is recorded where it is met and its value is replaced by
//! [`Recorded`]; only when all settings have been read do the marks add up to a refusal.

use std::path::{Path, PathBuf};

use super::{
    Flags,
    environment::Environment,
    file::{self, ConfigFile},
    origin::Origin,
    setting::{About, Empty, Fallback, Secrecy, Setting},
};
use crate::start_error::StartError;

/// The longest value a file can hold, in octets.
const MAX_VALUE: u64 = 64 * 1024;
/// How much of a refused value is repeated, in characters.
const QUOTED: usize = 80;

/// A fault was met and recorded; there is no value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded;

/// A setting with its value, as `config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The setting's key.
    pub key: &'static str,
    /// The value, redacted where it is secret; none where nothing is set and nothing is the default.
    pub shown: Option<String>,
    /// Where it was taken from.
    pub origin: Origin,
}

/// Reads settings from flags, environment, file and defaults, in this order.
pub(super) struct Reader<'a> {
    flags: &'a Flags,
    environment: &'a Environment,
    file: Option<ConfigFile>,
    pub(super) values: Vec<Value>,
    pub(super) faults: Vec<StartError>,
}

struct Found {
    text: String,
    origin: Origin,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(flags: &'a Flags, environment: &'a Environment) -> Self {
        Self {
            flags,
            environment,
            file: None,
            values: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Opens the configuration file, from which every later setting can be taken.
    pub(super) fn open(&mut self, path: &Path) {
        self.file = Some(ConfigFile::read(path, &mut self.faults));
    }

    /// A setting that may be absent.
    pub(super) fn optional<T>(&mut self, setting: &Setting<T>) -> Result<Option<T>, Recorded> {
        let Some(found) = self.find(&setting.about)? else {
            self.values.push(Value {
                key: setting.about.key,
                shown: None,
                origin: Origin::Default,
            });
            return Ok(None);
        };
        self.parse(setting, found).map(Some)
    }

    /// A setting with a fixed default.
    pub(super) fn or_default<T>(&mut self, setting: &Setting<T>) -> Result<T, Recorded> {
        let default = match setting.about.default {
            Fallback::Fixed(text) => text,
            Fallback::Derived(_) | Fallback::Absent(_) => "",
        };
        self.or(setting, default.to_owned())
    }

    /// A setting whose default was made from others.
    pub(super) fn or<T>(&mut self, setting: &Setting<T>, default: String) -> Result<T, Recorded> {
        let found = self.find(&setting.about)?.unwrap_or(Found {
            text: default,
            origin: Origin::Default,
        });
        self.parse(setting, found)
    }

    /// Where a setting that was read was taken from.
    pub(super) fn origin(&self, about: &About) -> Option<&Origin> {
        let value = self.values.iter().find(|value| value.key == about.key)?;
        Some(&value.origin)
    }

    pub(super) fn fault(&mut self, what: impl Into<String>, mend: impl Into<String>) -> Recorded {
        self.faults.push(StartError::new(what, mend));
        Recorded
    }

    fn parse<T>(&mut self, setting: &Setting<T>, found: Found) -> Result<T, Recorded> {
        let about = &setting.about;
        match (setting.parse)(&found.text) {
            Ok(value) => {
                self.values.push(Value {
                    key: about.key,
                    shown: Some(about.shown(&found.text)),
                    origin: found.origin,
                });
                Ok(value)
            }
            Err(fault) => {
                let mend = fault.detail.trim_end_matches('.');
                Err(self.fault(complaint(about, &found), mend))
            }
        }
    }

    fn find(&mut self, about: &About) -> Result<Option<Found>, Recorded> {
        if let Some(text) = self.flags.get(about).filter(|text| is_set(about, text)) {
            return Ok(Some(Found {
                text: text.to_owned(),
                origin: Origin::Flag(about.long_flag()),
            }));
        }
        if let Some(found) = self.find_in_environment(about)? {
            return Ok(Some(found));
        }
        let in_file = self.file.as_ref().and_then(|file| {
            let text = file.get(about).filter(|text| is_set(about, text))?;
            Some(Found {
                text: text.to_owned(),
                origin: Origin::ConfigFile {
                    path: file.path.clone(),
                    key: about.key.to_owned(),
                },
            })
        });
        Ok(in_file)
    }

    fn find_in_environment(&mut self, about: &About) -> Result<Option<Found>, Recorded> {
        let variable = about.variable();
        let direct = self.text_of(&variable)?.filter(|text| is_set(about, text));
        let file_variable = about.file_variable();
        let path = match &file_variable {
            Some(name) => self.text_of(name)?.filter(|path| !path.is_empty()),
            None => None,
        };
        match (direct, path, file_variable) {
            (Some(_), Some(_), Some(file_variable)) => Err(self.fault(
                format!("variables {variable} and {file_variable} are both set"),
                "keep one of them",
            )),
            (None, Some(path), Some(file_variable)) => {
                self.read_named_file(about, file_variable, path.into()).map(Some)
            }
            (Some(text), _, _) => Ok(Some(Found {
                text,
                origin: Origin::Variable(variable),
            })),
            (None, _, _) => Ok(None),
        }
    }

    fn text_of(&mut self, variable: &str) -> Result<Option<String>, Recorded> {
        match self.environment.get(variable).map(|value| value.to_str()) {
            Some(None) => Err(self.fault(format!("variable {variable} is not UTF-8"), "write it in UTF-8")),
            Some(Some(text)) => Ok(Some(text.to_owned())),
            None => Ok(None),
        }
    }

    fn read_named_file(&mut self, about: &About, variable: String, path: PathBuf) -> Result<Found, Recorded> {
        let text = match file::read_text(&path, MAX_VALUE) {
            Ok(text) => text,
            Err(error) => {
                let what = format!(
                    "cannot read {}, which variable {variable} names ({error})",
                    path.display()
                );
                let mend = "name a file that the account running letterhead can read";
                return Err(self.fault(what, mend));
            }
        };
        // Editors and `echo` end a file with a line break that is not part of the value.
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        if !is_set(about, &text) {
            // An empty secret is one that was not mounted, not one that was left out.
            let what = format!("{}, which variable {variable} names, is empty", path.display());
            return Err(self.fault(what, "write the value into it, or unset the variable"));
        }
        Ok(Found {
            text,
            origin: Origin::NamedFile { variable, path },
        })
    }
}

fn is_set(about: &About, text: &str) -> bool {
    match about.empty {
        Empty::List => true,
        Empty::Unset => !text.is_empty(),
    }
}

fn complaint(about: &About, found: &Found) -> String {
    let place = match &found.origin {
        Origin::Default => format!("the default of {}", about.key),
        origin @ (Origin::Flag(_) | Origin::Variable(_) | Origin::NamedFile { .. } | Origin::ConfigFile { .. }) => {
            origin.to_string()
        }
    };
    match about.secrecy {
        Secrecy::Public => {
            let quoted: String = found.text.chars().take(QUOTED).collect();
            format!("{place} is {quoted:?}")
        }
        Secrecy::Secret | Secrecy::Partly(_) => format!("{place} is not accepted"),
    }
}
