//! `letterhead completions`: what a shell needs to complete commands and flags.

use clap::Args;
use clap_complete::Shell;

use super::{CommandError, command_line};
use crate::terminal::Terminal;

/// Prints completions for a shell
///
/// For bash: `letterhead completions bash > /etc/bash_completion.d/letterhead`
#[derive(Debug, Args)]
pub struct Options {
    /// The shell
    shell: Shell,
}

pub(super) fn run(options: &Options, terminal: &mut Terminal) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command_line(), "letterhead", &mut script);
    Ok(terminal.print(&String::from_utf8_lossy(&script))?)
}
