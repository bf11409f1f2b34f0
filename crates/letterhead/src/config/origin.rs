//! Where a value comes from, so that `config show` can tell and a fault can say where to mend it.

use std::{fmt, path::PathBuf};

/// The place a value was taken from; earlier variants win over later ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, by its long name without hyphens.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A file that a variable ending in `_FILE` names.
    NamedFile {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// A key of the configuration file.
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::NamedFile { variable, path } => write!(f, "variable {variable} ({})", path.display()),
            Self::ConfigFile { path, key } => write!(f, "file {}:{key}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}
