//! `letterhead openapi`: the API's description, without a running service.

use std::path::PathBuf;

use clap::Args;

/// Prints the OpenAPI document of this version
#[derive(Debug, Args)]
pub struct Options {
    /// Compare with this file instead, and exit with 1 where they differ
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}
