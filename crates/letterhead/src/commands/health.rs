//! `letterhead health`: asks a running service on this machine whether it is ready; for containers and scripts.
//!
//! It runs every few seconds, so it reads no more than it must and starts no runtime.

use clap::Args;

use super::CommandError;
use crate::{
    config::{Config, dialable},
    local_http::{self, Call},
    terminal::Terminal,
};

/// Asks the service on this machine whether it is ready, prints the answer's status line
///
/// Exits with 0 where it is ready and with 1 where it is not or does not answer.
#[derive(Debug, Args)]
pub struct Options {
    /// Ask the internal listener, which alone answers for `serve --only relay`
    #[arg(long)]
    internal: bool,
}

pub(super) fn run(options: &Options, config: &Config, terminal: &mut Terminal) -> Result<(), CommandError> {
    let listener = if options.internal {
        config.internal_listen
    } else {
        config.listen
    };
    let address = dialable(listener);
    let answer = local_http::call(address, &Call::get("/readyz"))
        .map_err(|error| CommandError::Failed(format!("no answer from http://{address}/readyz: {error}")))?;
    terminal.print(&format!("{}\n", answer.status_line))?;
    if answer.is_success() {
        Ok(())
    } else {
        Err(CommandError::Failed(format!(
            "http://{address}/readyz says that it is not ready"
        )))
    }
}
