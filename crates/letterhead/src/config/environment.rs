//! The process's environment, as far as it is ours: read once, here and nowhere else, and passed on as a value.
//!
//! A test builds one from pairs, so no test has to change the environment of its process.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use super::{
    setting::{About, FILE_SUFFIX, VARIABLE_PREFIX},
    suggest, table,
};

/// The variables that begin with `LETTERHEAD_`.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// What this process was started with.
    #[must_use]
    pub fn of_the_process() -> Self {
        // A name that is not UTF-8 cannot be one of ours, nor near to one.
        let ours = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX));
        Self(ours.collect())
    }

    pub(super) fn get(&self, variable: &str) -> Option<&OsStr> {
        self.0.get(variable).map(OsString::as_os_str)
    }

    /// One sentence for each variable that no setting knows.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.0.keys().filter_map(|name| warning(name)).collect()
    }
}

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

fn warning(name: &str) -> Option<String> {
    let is_known =
        |about: &About| about.variable() == name || about.file_variable().is_some_and(|variable| variable == name);
    if table::ALL.into_iter().any(is_known) {
        return None;
    }
    let mend = match meant(name) {
        Some(meant) => format!("did you mean {meant}?"),
        None => "`letterhead config reference` lists all".to_owned(),
    };
    Some(format!("variable {name} is not known and has no effect: {mend}"))
}

/// The variable that was probably meant, compared without what all begin and end with: that would make all look alike.
fn meant(name: &str) -> Option<String> {
    let stem = name.strip_prefix(VARIABLE_PREFIX).unwrap_or(name);
    let of_file = stem.strip_suffix(FILE_SUFFIX);
    let stem = of_file.unwrap_or(stem).to_ascii_lowercase();
    let key = suggest::nearest(&stem, table::ALL.map(|about| about.key))?;
    let about = table::ALL.into_iter().find(|about| about.key == key)?;
    of_file.and_then(|_| about.file_variable()).or(Some(about.variable()))
}
