//! `letterhead doctor`: what is wrong with this installation, and how each of it is mended.
//!
//! It looks and does nothing: it makes no file, runs no migration, sends no mail. So it can run before the first start, and
//! beside a service that runs.

mod database;
mod files;
mod network;
mod report;
mod settings;

use clap::Args;

use self::report::{Report, counted};
use super::CommandError;
use crate::{
    config::{Environment, Flags, Loaded, Refused, load},
    server,
    terminal::Terminal,
};

/// Looks for what is wrong with this installation, and says how to mend it
///
/// Configuration, keys and files, database, clock, DNS, TLS roots, and the way out to each route and on-premises server
/// (a connection is made and closed, nothing sent). Changes nothing, and may run beside the service.
///
/// Exits with 0 where nothing is wrong or only warnings were found, with 1 where an error was found.
#[derive(Debug, Args)]
pub struct Options {
    /// Print JSON: {healthy, errors, warnings, checks: [{check, status, finding, fix}]}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(
    options: &Options,
    flags: &Flags,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let report = match load(flags, environment) {
        Ok(loaded) => server::runtime()?.block_on(examine(&loaded)),
        Err(refused) => refusal(&refused),
    };
    terminal.print(&if options.json {
        report.as_json()
    } else {
        report.as_text()
    })?;
    match report.errors() {
        0 => Ok(()),
        errors => Err(CommandError::Failed(format!(
            "the doctor found {}",
            counted(errors, "error")
        ))),
    }
}

/// Every part in turn; what one finds spares the others only what cannot be looked at without it.
async fn examine(loaded: &Loaded) -> Report {
    let mut report = Report::default();
    settings::check(loaded, &mut report);
    let keys = files::check(loaded, &mut report);
    let checkup = database::check(&loaded.config, &keys, &mut report).await;
    network::check(&loaded.config, checkup, &mut report).await;
    report
}

/// Nothing else can be looked at with a configuration that is not sound.
fn refusal(refused: &Refused) -> Report {
    let mut report = Report::default();
    for fault in &refused.faults {
        report.error("configuration", fault.what(), fault.mend());
    }
    for warning in &refused.warnings {
        settings::warn(warning, &mut report);
    }
    for check in ["files", "database", "network"] {
        report.skipped(check, "not looked at without a sound configuration");
    }
    report
}
