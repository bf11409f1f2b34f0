//! Which database: a file of SQLite's, or PostgreSQL by its URL.
//!
//! A PostgreSQL URL usually holds a password, so it is kept as a secret. An in-memory database is refused: what was accepted
//! would be lost with the process.

use std::{path::PathBuf, str::FromStr};

use domain::{
    fault::Fault,
    secret::{SecretText, secret_text},
};
use url::Url;

/// Where the store keeps its data.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A file of SQLite's; one process at a time.
    Sqlite(PathBuf),
    /// PostgreSQL, by its URL, which may hold a password.
    Postgres(SecretText),
}

impl FromStr for DatabaseUrl {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return sqlite_path(path).map(Self::Sqlite);
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Self::Postgres(secret_text(text))),
            Ok(_) => Err(Fault::invalid("give a URL that begins with sqlite:// or postgres://")),
            Err(_) => Err(Fault::invalid(
                "give a URL such as sqlite://data/letterhead.db or postgres://user:password@host:5432/letterhead, with special characters of the password percent-encoded",
            )),
        }
    }
}

/// The path is taken as it is, without percent-decoding, so that it reads like a path.
fn sqlite_path(rest: &str) -> Result<PathBuf, Fault> {
    if rest.contains(":memory:") || rest.contains("mode=memory") {
        return Err(Fault::invalid(
            "name a file: a database in memory would lose what was accepted",
        ));
    }
    let path = rest.strip_prefix("//").unwrap_or_default();
    // What we do anyway, and what other programs' URLs often carry.
    let path = path.strip_suffix("?mode=rwc").unwrap_or(path);
    if path.is_empty() || path.contains(['?', '\0']) {
        return Err(Fault::invalid(
            "name a file and nothing else, such as sqlite:///var/lib/letterhead/letterhead.db",
        ));
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Option<String> {
        match text.parse() {
            Ok(DatabaseUrl::Sqlite(path)) => Some(path.display().to_string()),
            Ok(DatabaseUrl::Postgres(_)) | Err(_) => None,
        }
    }

    #[test]
    fn a_sqlite_url_is_a_path_after_two_slashes() {
        assert_eq!(path("sqlite://data/l.db").as_deref(), Some("data/l.db"));
        assert_eq!(path("sqlite:///var/l.db").as_deref(), Some("/var/l.db"));
        assert_eq!(path("sqlite://./a b%20.db?mode=rwc").as_deref(), Some("./a b%20.db"));
    }

    #[test]
    fn a_database_in_memory_and_other_kinds_are_refused() {
        for bad in [
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite://x?mode=memory",
            "sqlite://",
            "sqlite:l.db",
            "sqlite://l.db?cache=shared",
            "mysql://root@localhost/x",
            "letterhead.db",
            "",
        ] {
            assert!(bad.parse::<DatabaseUrl>().is_err(), "{bad:?} was accepted");
        }
    }
}
