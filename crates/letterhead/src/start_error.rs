//! Why the program does not start: what is wrong, and how to mend it, on one line.
//!
//! Whoever reads it has a terminal or a container's log and no source code. So there is no chain of causes and no
//! backtrace, only the next thing to do.

use std::{fmt, io, net::SocketAddr, path::Path};

/// A reason not to start; the process prints it as one line and exits with code 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    what: String,
    mend: String,
}

impl StartError {
    /// What is wrong, and how to mend it: two clauses without a full stop.
    #[must_use]
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            mend: mend.into(),
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// How to mend it.
    #[must_use]
    pub fn mend(&self) -> &str {
        &self.mend
    }

    /// The file of the master key cannot be read.
    #[must_use]
    pub fn key_file_unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(
            format!("cannot read the master key {} ({error})", path.display()),
            "make it readable for the account that runs letterhead, or set LETTERHEAD_MASTER_KEY",
        )
    }

    /// The database does not answer. `database` is its URL without passwords, `reason` what the driver said.
    #[must_use]
    pub fn database_unreachable(database: &str, reason: &dyn fmt::Display) -> Self {
        Self::new(
            format!("cannot reach the database {database} ({reason})"),
            "check LETTERHEAD_DATABASE_URL, and that the database runs and accepts this account",
        )
    }

    /// The listener of `setting` cannot be bound.
    #[must_use]
    pub fn port_taken(setting: &str, address: SocketAddr, error: &io::Error) -> Self {
        let mend = if error.kind() == io::ErrorKind::AddrInUse {
            "stop the program that uses the port, or choose another"
        } else {
            "choose an address of this machine and a port that this account may use"
        };
        Self::new(
            format!("cannot listen on {address} ({error})"),
            format!("{mend} with --{setting}"),
        )
    }

    /// Another `serve` has the same SQLite file.
    #[must_use]
    pub fn second_serve(database: &Path) -> Self {
        Self::new(
            format!("another letterhead serves the database {}", database.display()),
            "stop it first; only PostgreSQL can be shared by several processes",
        )
    }

    /// The database was migrated by a later version of the program.
    #[must_use]
    pub fn schema_newer(found: &str) -> Self {
        Self::new(
            format!("the database has the migration {found}, which this version does not know"),
            "start the version that made it, or restore a backup from before the upgrade",
        )
    }

    /// `--no-migrate` met a database that lacks migrations.
    #[must_use]
    pub fn schema_older(first: &str) -> Self {
        Self::new(
            format!("the database lacks the migration {first}"),
            "run `letterhead migrate`, or start without --no-migrate",
        )
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A driver's message may span lines; this one may not.
        let line = format!("{}: {}", self.what, self.mend);
        f.write_str(&line.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl std::error::Error for StartError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_speaks_in_paragraphs_still_makes_one_line() {
        let error = StartError::database_unreachable("postgres://db/l", &"refused\n  by: peer\r\n");
        assert_eq!(
            error.to_string(),
            "cannot reach the database postgres://db/l (refused by: peer ): check LETTERHEAD_DATABASE_URL, \
             and that the database runs and accepts this account"
        );
    }
}
