//! What is logged, and how: the two values that telemetry needs.
//!
//! A filter is checked here, at start-up, because the subscriber's own answer to a misspelt level is silence: it takes the
//! word for the name of a module.

use std::{fmt, str::FromStr};

use domain::fault::Fault;
use tracing_subscriber::EnvFilter;

/// What directives call the levels.
const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
/// A word this near to a level is taken for a misspelt one.
const NEAR: usize = 2;

/// Directives of `tracing-subscriber`'s filter, known to be well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The directives.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogFilter {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if let Some(level) = text.split(',').find_map(|directive| misspelt_level(directive.trim())) {
            return Err(Fault::invalid(format!("did you mean {level}?")));
        }
        match EnvFilter::try_new(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(Fault::invalid(format!(
                "give one of {} or directives such as warn,relay=debug",
                LEVELS.join(", ")
            ))),
        }
    }
}

fn misspelt_level(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    if word.len() < 3 || LEVELS.contains(&word.as_str()) {
        return None;
    }
    LEVELS
        .into_iter()
        .find(|level| word.starts_with(level) || strsim::damerau_levenshtein(level, &word) <= NEAR)
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// One line of text, coloured on a terminal.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(Fault::invalid("give one of json, pretty")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_filters() {
        for good in ["info", "WARN", "off", "warn,relay=debug", "api::routes=trace", "relay"] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_module() {
        for bad in ["inof", "debgu", "warning", "relay=loud", "relay=debug,inffo"] {
            assert!(bad.parse::<LogFilter>().is_err(), "{bad:?} was accepted");
        }
    }
}
