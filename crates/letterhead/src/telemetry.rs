//! Logs: structured lines on standard error, and a panic is one of them.
//!
//! Libraries that log what they send are silent unless they are named in the filter, so that turning the level up to look
//! for a fault does not write statements, headers or credentials into a log.

use std::{
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
};

use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

use crate::{
    config::{LogFilter, LogFormat},
    start_error::StartError,
};

/// Put before the configured directives, which replace them where they name the same target.
const DISCREET: &str = "sqlx=off,sea_orm=off,hyper=off,h2=off,reqwest=off,rustls=off";

/// Starts logging for the rest of the process, and turns panics into log lines.
///
/// A second call keeps the first one's subscriber: tests run several commands in one process.
///
/// # Errors
/// [`StartError`] where the filter is not accepted together with the discreet directives.
pub fn start(filter: &LogFilter, format: LogFormat) -> Result<(), StartError> {
    let lines = fmt().with_env_filter(discreet(filter)?).with_writer(io::stderr);
    let started = match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .finish()
            .try_init(),
        LogFormat::Pretty => lines.with_ansi(io::stderr().is_terminal()).finish().try_init(),
    };
    if started.is_ok() {
        panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

fn discreet(filter: &LogFilter) -> Result<EnvFilter, StartError> {
    EnvFilter::try_new(format!("{DISCREET},{filter}"))
        .map_err(|error| StartError::new(format!("the log filter is not accepted ({error})"), "mend --log"))
}

/// One line, without a backtrace: the place is enough to find it, and a backtrace breaks line-wise readers of logs.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("no message").escape_debug();
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(panic.message = %message, panic.location = location, "panicked");
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Seek},
        sync::Arc,
    };

    use super::*;

    fn logged_with(filter: &str) -> String {
        let log = Arc::new(tempfile::tempfile().unwrap());
        let lines = fmt()
            .with_env_filter(discreet(&filter.parse().unwrap()).unwrap())
            .with_writer(Arc::clone(&log));
        tracing::subscriber::with_default(lines.finish(), || {
            tracing::info!(target: "sqlx::query", "SELECT secret");
            tracing::info!(target: "relay", "message sent");
        });
        let (mut log, mut text) = (log.as_ref(), String::new());
        log.rewind().unwrap();
        log.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn statements_are_not_logged_even_at_trace() {
        let log = logged_with("trace");
        assert!(log.contains("message sent"));
        assert!(!log.contains("SELECT"));
    }

    #[test]
    fn statements_are_logged_when_they_are_asked_for_by_name() {
        assert!(logged_with("info,sqlx=info").contains("SELECT"));
    }
}
