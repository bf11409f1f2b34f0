//! `letterhead serve`: which parts of the service this process runs.

use clap::{Args, ValueEnum};

use super::CommandError;
use crate::{
    config::{Config, DatabaseUrl},
    server,
    start_error::StartError,
};

/// Serves the API and the console, and sends mail
///
/// Migrates the database first, under a lock. Stops on SIGTERM: finishes what is in flight, 30 seconds at most, and
/// releases the rest for other processes. With SQLite one process serves; with PostgreSQL any number, each with --only
/// or without.
#[derive(Debug, Args)]
pub struct Options {
    /// Run one part only; the parts share a PostgreSQL database
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Refuse to start on a database that lacks migrations, instead of applying them
    #[arg(long)]
    no_migrate: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    /// REST and console
    Api,
    /// Sending and background work; health is served on the internal listener
    Relay,
}

/// Which parts of the service a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Whole,
    /// REST and console.
    Api,
    /// Sending and background work.
    Relay,
}

/// What happens to a database that lacks migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    /// They are applied, under a lock.
    Apply,
    /// The process does not start.
    Require,
}

impl Options {
    /// Which parts to run.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match self.only {
            None => Mode::Whole,
            Some(Part::Api) => Mode::Api,
            Some(Part::Relay) => Mode::Relay,
        }
    }

    /// What to do with an old schema.
    #[must_use]
    pub const fn migrations(&self) -> Migrations {
        if self.no_migrate {
            Migrations::Require
        } else {
            Migrations::Apply
        }
    }
}

pub(super) fn run(options: &Options, config: Config) -> Result<(), CommandError> {
    if options.only.is_some() && matches!(config.database_url, DatabaseUrl::Sqlite(_)) {
        return Err(StartError::new(
            "--only splits the service over processes, which cannot share an SQLite file",
            "serve without --only, or set LETTERHEAD_DATABASE_URL to a PostgreSQL database",
        )
        .into());
    }
    Ok(server::run(config, options.mode(), options.migrations())?)
}
