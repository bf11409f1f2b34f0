//! `letterhead demo`: the main job on real input, visibly, on embedded defaults.
//!
//! Nothing is simulated but the smarthost: the service is the one that `serve` starts, the calls are those a tenant's admin
//! and a product service make over REST, and the mail goes over SMTP to a capture inbox on this machine.

mod accounts;
mod job;
mod screen;

use std::{net::SocketAddr, time::Duration};

use clap::Args;
use domain::{branding::SenderVerification, clock::Clock};
use ipnet::IpNet;
use relay::inbox::{Inbox, InboxConfig};

use self::{accounts::Accounts, screen::Screen};
use super::{
    CommandError,
    serve::{Migrations, Mode},
};
use crate::{
    config::{BootstrapClient, Config, Environment, Flags, Loaded, LogFilter, Origin, load},
    local_http::{self, Answer, Call},
    server, telemetry,
    terminal::Terminal,
};

/// How long the messages may take, in all.
const ARRIVAL: Duration = Duration::from_secs(15);

/// Shows the main job on embedded defaults: tenants, branding, one message of each kind, sent over SMTP
///
/// Nothing leaves the machine: a capture inbox stands in for the relay's smarthost.
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
    // The capture inbox is on this machine.
    config
        .egress_allow
        .push(IpNet::from(std::net::IpAddr::from([127, 0, 0, 1])));
    Ok(config)
}

async fn demonstrate(
    options: &Options,
    config: Config,
    accounts: &mut Accounts,
    terminal: &mut Terminal,
) -> Result<(), CommandError> {
    let inbox = Inbox::start(InboxConfig::default())
        .await
        .map_err(|error| CommandError::Failed(format!("the capture inbox cannot start: {error}")))?;
    let running = server::start(config, Mode::Whole, Migrations::Apply, Clock::system()).await?;
    let address = running
        .public
        .ok_or_else(|| CommandError::Failed("the API is not served".to_owned()))?;
    let service = Service { address };
    let mut screen = Screen::new(terminal);
    let arrived = job::run(&service, accounts, &inbox, &mut screen).await;
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
    ended
}

/// The service under demonstration, as its clients see it.
struct Service {
    address: SocketAddr,
}

impl Service {
    /// Makes a call as a client would, without blocking the service that runs in the same process.
    async fn call(
        &self,
        method: &'static str,
        path: &str,
        token: &str,
        body: Option<serde_json::Value>,
    ) -> Result<Answer, CommandError> {
        let (address, path, token) = (self.address, path.to_owned(), token.to_owned());
        let made = tokio::task::spawn_blocking(move || {
            let call = Call::of(method, &path).bearer(&token);
            let call = match &body {
                Some(body) => call.json(body),
                None => call,
            };
            local_http::call(address, &call).map_err(|error| format!("{method} {path}: {error}"))
        });
        made.await
            .map_err(|error| CommandError::Failed(error.to_string()))?
            .map_err(CommandError::Failed)
    }

    /// The same, for a call that must succeed.
    async fn must(
        &self,
        method: &'static str,
        path: &str,
        token: &str,
        body: Option<serde_json::Value>,
    ) -> Result<serde_json::Value, CommandError> {
        let answer = self.call(method, path, token, body).await?;
        if answer.is_success() {
            return Ok(answer.json());
        }
        Err(CommandError::Failed(format!(
            "{method} {path} answered {}: {}",
            answer.status(),
            answer.json()
        )))
    }

    /// An access token for a client.
    async fn token(&self, client: &accounts::Client) -> Result<String, CommandError> {
        let form = client.token_request();
        let address = self.address;
        let asked = tokio::task::spawn_blocking(move || {
            local_http::call(address, &Call::of("POST", "/oauth2/token").form(form))
        });
        let answer = asked.await.map_err(|error| CommandError::Failed(error.to_string()))??;
        let token = answer
            .json()
            .get("access_token")
            .and_then(|token| token.as_str())
            .map(str::to_owned);
        token.ok_or_else(|| CommandError::Failed(format!("no access token: {}", answer.json())))
    }
}
