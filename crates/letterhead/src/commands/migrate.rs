//! `letterhead migrate`: brings the database to this version's schema without serving.

use std::sync::Arc;

use clap::Args;
use domain::ids::TimeOrderedIds;

use super::{CommandError, serve::Migrations};
use crate::{config::Config, server, terminal::Terminal};

/// Brings the database to the schema of this version, under a lock, and exits
///
/// `serve` does the same when it starts; use this before `serve --no-migrate`.
#[derive(Debug, Args)]
pub struct Options {}

pub(super) fn run(config: &Config, terminal: &mut Terminal) -> Result<(), CommandError> {
    server::runtime()?.block_on(server::open_store(config, Migrations::Apply, Arc::new(TimeOrderedIds)))?;
    Ok(terminal.print("the database has the schema of this version\n")?)
}
