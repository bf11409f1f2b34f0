//! `letterhead migrate`: brings the database to this version's schema without serving.

use clap::Args;

/// Brings the database to the schema of this version, under a lock, and exits
///
/// `serve` does the same when it starts; use this before `serve --no-migrate`.
#[derive(Debug, Args)]
pub struct Options {}
