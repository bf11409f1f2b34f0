//! The process: command line, configuration, wiring.
//!
//! A library, so that tests drive the whole program without starting a process for each claim; `main.rs` only passes on
//! arguments, environment and terminal.

pub mod commands;
pub mod config;
mod local_http;
pub mod master_key;
pub mod server;
pub mod start_error;
pub mod telemetry;
pub mod terminal;

use std::{ffi::OsString, process::ExitCode};

use crate::{
    commands::CommandError,
    config::{Environment, Refused},
    terminal::Terminal,
};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Success,
    /// 1: the command ran and its answer is no.
    Failure,
    /// 2: the command could not start; arguments, configuration or surroundings need mending.
    Unusable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Unusable => Self::from(2),
        }
    }
}

/// Runs the program. `arguments` begin with the program's own name.
pub fn run<A>(arguments: A, environment: &Environment, terminal: &mut Terminal) -> Exit
where
    A: IntoIterator<Item = OsString>,
{
    match commands::run(arguments, environment, terminal) {
        Ok(()) => Exit::Success,
        Err(error) => report(error, terminal),
    }
}

/// Prints why a command did not succeed. Nothing can be done where even that fails.
fn report(error: CommandError, terminal: &mut Terminal) -> Exit {
    match error {
        // The reader has seen enough, as `head` does.
        CommandError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Success,
        CommandError::Output(error) => {
            terminal.complain(&format!("cannot write the output: {error}"));
            Exit::Failure
        }
        CommandError::Usage(text) => {
            terminal.complain(&text);
            Exit::Unusable
        }
        CommandError::Start(error) => {
            terminal.complain(&error.to_string());
            Exit::Unusable
        }
        CommandError::Configuration(Refused { faults, warnings }) => {
            for fault in &faults {
                terminal.complain(&fault.to_string());
            }
            terminal.warn(&warnings);
            Exit::Unusable
        }
        CommandError::Failed(reason) => {
            terminal.complain(&reason);
            Exit::Failure
        }
    }
}
