//! `letterhead openapi`: the API's description, without a running service.

use std::path::PathBuf;

use clap::Args;

use super::CommandError;
use crate::terminal::Terminal;

/// Prints the OpenAPI document of this version
#[derive(Debug, Args)]
pub struct Options {
    /// Compare with this file instead, and exit with 1 where they differ
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
}

pub(super) fn run(options: &Options, terminal: &mut Terminal) -> Result<(), CommandError> {
    let document = api::openapi::text();
    let Some(file) = &options.check else {
        return Ok(terminal.print(document)?);
    };
    let shown = file.display();
    let found =
        std::fs::read_to_string(file).map_err(|error| CommandError::Failed(format!("cannot read {shown}: {error}")))?;
    if found == document {
        return Ok(terminal.print(&format!("{shown} is the document of this version\n"))?);
    }
    let differs = found
        .lines()
        .zip(document.lines())
        .take_while(|(found, meant)| found == meant)
        .count()
        + 1;
    Err(CommandError::Failed(format!(
        "{shown} is not the document of this version from line {differs} on: write it anew with `letterhead openapi > {shown}`"
    )))
}
