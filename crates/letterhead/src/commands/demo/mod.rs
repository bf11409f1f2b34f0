//! `letterhead demo`: the main job on real input, visibly, on embedded defaults.
//!
//! Nothing is simulated but the smarthost and Microsoft: the service is the one that `serve` starts, the calls are those a
//! tenant's admin and a product service make over REST, and the mail goes over SMTP to a capture inbox, or over HTTP to an
//! emulator of Entra and Graph, on this machine.

mod accounts;
mod followed;
mod job;
mod microsoft;
mod screen;
mod service;

use std::time::Duration;

use clap::Args;
use domain::{branding::SenderVerification, clock::Clock};
use ipnet::IpNet;
use relay::inbox::{Inbox, InboxConfig};

use self::{accounts::Accounts, microsoft::Microsoft, screen::Screen, service::Service};
use super::{
    CommandError,
    serve::{Migrations, Mode},
};
use crate::{
    config::{BootstrapClient, Config, Environment, Flags, Loaded, LogFilter, Origin, load},
    server, telemetry,
    terminal::Terminal,
};

/// How long a tenant's messages may take, in all.
const ARRIVAL: Duration = Duration::from_secs(15);

/// Shows the main job on embedded defaults: tenants, branding, one message of each kind, sent over SMTP
///
/// Nothing leaves the machine: a capture inbox stands in for the relay's smarthost, an emulator for Microsoft 365.
#[derive(Debug, Args)]
pub struct Options {
    /// Exit when every message arrived (0) or did not (1), instead of serving on
    #[arg(long)]
    pub once: bool,
}

pub(super) fn run(
    options: &Options,
    flags: &Flags,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let loaded = load(flags, environment)?;
    let mut config = embedded(loaded, options)?;
    telemetry::start(&config.log, config.log_format)?;
    let mut accounts = Accounts::open(&config.data_dir)?;
    config.bootstrap = Some(BootstrapClient {
        id: accounts.operator().id.clone(),
        secret: accounts.operator().secret.clone(),
    });
    server::runtime()?.block_on(demonstrate(options, config, &mut accounts, terminal))
}

/// The demo's own defaults, where nobody said otherwise.
fn embedded(loaded: Loaded, options: &Options) -> Result<Config, CommandError> {
    let unset = |key: &str| {
        loaded
            .values
            .iter()
            .any(|value| value.key == key && value.origin == Origin::Default)
    };
    let (quiet, any_from, any_port) = (
        unset("log"),
        unset("sender_verification"),
        unset("listen") && options.once,
    );
    let mut config = loaded.config;
    if quiet {
        config.log = "warn"
            .parse::<LogFilter>()
            .map_err(|fault| CommandError::Failed(fault.to_string()))?;
    }
    if any_from {
        config.provider.sender_verification = SenderVerification::Off;
    }
    if any_port {
        config.listen.set_port(0);
        config.internal_listen.set_port(0);
    }
    // The capture inbox and the emulator are on this machine.
    config
        .egress_allow
        .push(IpNet::from(std::net::IpAddr::from([127, 0, 0, 1])));
    Ok(config)
}

async fn demonstrate(
    options: &Options,
    mut config: Config,
    accounts: &mut Accounts,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let inbox = Inbox::start(InboxConfig::default())
        .await
        .map_err(|error| CommandError::Failed(format!("the capture inbox cannot start: {error}")))?;
    let microsoft = Microsoft::start().await?;
    microsoft.stand_in(&mut config)?;
    let running = server::start(config, Mode::Whole, Migrations::Apply, Clock::system()).await?;
    let address = running
        .public
        .ok_or_else(|| CommandError::Failed("the API is not served".to_owned()))?;
    let service = Service { address };
    let mut screen = Screen::new(terminal);
    let arrived = job::run(&service, accounts, &inbox, &microsoft, &mut screen).await;
    let ended = match arrived {
        Ok(()) if options.once => Ok(()),
        Ok(()) => {
            screen.invitation(&service, accounts, running.internal)?;
            server::told_to_stop().await.map_err(CommandError::from)
        }
        Err(error) => Err(error),
    };
    running.stop().await;
    inbox.stop().await;
    microsoft.stop().await;
    ended
}
