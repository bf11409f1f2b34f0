//! The command line: one file a command, and the flags of the settings, made from the table.
//!
//! Every setting's flag can stand before or behind the command's name. Short help (`-h`) leaves them out, because the
//! command's own few options would drown in them.

pub mod completions;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod health;
pub mod keys;
pub mod migrate;
pub mod openapi;
pub mod serve;
pub mod token;

use std::{ffi::OsString, io};

use clap::{
    Arg, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    config::{Config, Environment, Flags, Loaded, Refused, SETTINGS, load},
    start_error::StartError,
    telemetry,
    terminal::Terminal,
};

/// Letterhead: outbound system email of a multi-tenant product.
///
/// Cloud tenants brand the letterhead and the provider's relay sends; on-premises tenants bring their own connection.
/// Every setting is a flag, a variable LETTERHEAD_… or a key of a TOML file, in this order of precedence.
#[derive(Debug, Parser)]
#[command(name = "letterhead", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Options),
    Migrate(migrate::Options),
    Demo(demo::Options),
    Openapi(openapi::Options),
    Health(health::Options),
    Doctor(doctor::Options),
    Token(token::Options),
    Keys(keys::Options),
    Config(config::Options),
    Completions(completions::Options),
}

/// Why a command did not succeed.
pub enum CommandError {
    /// The arguments are not a command; says which and why.
    Usage(String),
    /// It could not start.
    Start(StartError),
    /// The configuration is faulty.
    Configuration(Refused),
    /// It ran, and its answer is no.
    Failed(String),
    /// Its result could not be written.
    Output(io::Error),
}

impl From<StartError> for CommandError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<Refused> for CommandError {
    fn from(refused: Refused) -> Self {
        Self::Configuration(refused)
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Runs the command that the arguments name.
pub(crate) fn run<A>(arguments: A, environment: &Environment, terminal: &mut Terminal) -> Result<(), CommandError>
where
    A: IntoIterator<Item = OsString>,
{
    let matches = match command_line().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return explain(&error, terminal),
    };
    let flags = flags(&matches);
    let cli = Cli::from_arg_matches(&matches).map_err(|error| CommandError::Usage(error.to_string()))?;
    match cli.command {
        Command::Config(options) => config::run(&options, &flags, environment, terminal),
        Command::Completions(options) => completions::run(&options, terminal),
        Command::Doctor(options) => doctor::run(&options, &flags, environment, terminal),
        Command::Health(options) => health::run(&options, &load(&flags, environment)?.config, terminal),
        Command::Serve(options) => serve::run(&options, prepare(&flags, environment)?),
        Command::Keys(options) => keys::run(&options, &prepare(&flags, environment)?, terminal),
        Command::Migrate(_) => migrate::run(&prepare(&flags, environment)?, terminal),
        Command::Demo(options) => demo::run(&options, &flags, environment, terminal),
        Command::Openapi(options) => openapi::run(&options, terminal),
        Command::Token(options) => token::run(&options, &prepare(&flags, environment)?, terminal),
    }
}

/// The whole command line: commands, and a flag for each setting.
pub(crate) fn command_line() -> clap::Command {
    let flags = SETTINGS.into_iter().map(|about| {
        Arg::new(about.key)
            .long(about.long_flag())
            .value_name(about.form)
            .help(format!("{} [{}]", about.description, about.variable()))
            .help_heading("Settings")
            .global(true)
            .hide_short_help(true)
    });
    Cli::command().args(flags)
}

fn flags(matches: &ArgMatches) -> Flags {
    SETTINGS
        .into_iter()
        .filter_map(|about| Some((about.key, matches.get_one::<String>(about.key)?.clone())))
        .collect()
}

/// What every command needs that does lasting work: a sound configuration, and logs from here on.
fn prepare(flags: &Flags, environment: &Environment) -> Result<Config, CommandError> {
    let Loaded { config, warnings, .. } = load(flags, environment)?;
    telemetry::start(&config.log, config.log_format)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

/// Help and version are answers, everything else is a complaint of one line.
fn explain(error: &clap::Error, terminal: &mut Terminal) -> Result<(), CommandError> {
    let text = error.render().to_string();
    if !error.use_stderr() {
        return Ok(terminal.print(&text)?);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        terminal.print(&text)?;
        return Err(CommandError::Usage(
            "no command was given: choose one of these".to_owned(),
        ));
    }
    Err(CommandError::Usage(
        unknown_word(error).unwrap_or_else(|| first_paragraphs(&text)),
    ))
}

/// For a flag or command that does not exist, which one was probably meant.
fn unknown_word(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let (given, meant) = if error.kind() == ErrorKind::UnknownArgument {
        (text(ContextKind::InvalidArg)?, text(ContextKind::SuggestedArg))
    } else {
        (
            text(ContextKind::InvalidSubcommand)?,
            text(ContextKind::SuggestedSubcommand),
        )
    };
    let mend = match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => "`letterhead --help` lists what is".to_owned(),
    };
    Some(format!("{given} is not known here: {mend}"))
}

/// What clap says before it repeats the usage, on one line.
fn first_paragraphs(text: &str) -> String {
    let lines = text.trim_start_matches("error: ").lines().map(str::trim);
    let said: Vec<&str> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    said.join(" ")
}
