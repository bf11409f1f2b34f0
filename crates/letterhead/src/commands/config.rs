//! `letterhead config`: what holds, where it comes from, what is wrong with it.

use clap::{Args, Subcommand};

use super::CommandError;
use crate::{
    config::{self, Environment, Flags, load},
    terminal::Terminal,
};

/// Shows, checks or explains the configuration
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print each setting, its value and where the value comes from; secrets stay hidden
    Show {
        /// Print JSON: an array of {key, value, origin}
        #[arg(long)]
        json: bool,
    },
    /// Name every fault of the configuration, each with its remedy, or print "ok"
    Check,
    /// Print the reference of all settings as Markdown
    Reference,
}

pub(super) fn run(
    options: &Options,
    flags: &Flags,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let text = match options.action {
        Action::Show { json } => {
            let loaded = load(flags, environment)?;
            terminal.warn(&loaded.warnings);
            if json {
                config::as_json(&loaded.values)
            } else {
                config::as_table(&loaded.values)
            }
        }
        Action::Check => {
            let loaded = load(flags, environment)?;
            terminal.warn(&loaded.warnings);
            "ok\n".to_owned()
        }
        Action::Reference => config::markdown(),
    };
    Ok(terminal.print(&text)?)
}
