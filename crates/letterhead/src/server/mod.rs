//! The running service: store, listeners, relay, and their orderly end.
//!
//! [`start`] returns once everything is bound and running, so that a test, the demo and `serve` share one way up.

mod health;
mod http;
mod internal;
mod node;
mod open;

use std::{net::SocketAddr, os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc, time::Duration};

use actix_web::dev::ServerHandle;
use api::{Api, auth::Tokens};
use domain::{
    clock::Clock,
    ids::{IdSource, TimeOrderedIds},
};
use prometheus_client::registry::Registry;
use relay::{
    dispatcher::{Dispatcher, RelaySettings},
    gate::Gate,
    metrics::Metrics,
    probe::Prober,
    session::Timeouts,
    transport::o365::Endpoints,
};
use storage::{Hold, Store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use open::{Alone, open_alone, open_store};
pub(crate) use open::{root_cause, store_failed};

use crate::{
    commands::serve::{Migrations, Mode},
    config::Config,
    start_error::StartError,
};

/// How long requests and sends in flight may take to finish once the process is told to stop.
pub const GRACE: Duration = Duration::from_secs(30);

/// A service that runs.
pub struct Running {
    /// Where the API is, if this process serves it.
    pub public: Option<SocketAddr>,
    /// Where metrics and health are.
    pub internal: SocketAddr,
    /// The store, for commands that look on.
    pub store: Store,
    servers: Vec<ServerHandle>,
    tasks: Vec<JoinHandle<()>>,
    stop_relay: CancellationToken,
    identity: Option<node::Identity>,
    _hold: Hold,
}

/// Starts what `mode` asks for.
///
/// # Errors
/// [`StartError`], in one line: what is wrong and how to mend it.
pub async fn start(
    mut config: Config,
    mode: Mode,
    migrations: Migrations,
    clock: Clock,
) -> Result<Running, StartError> {
    let ids: Arc<dyn IdSource> = Arc::new(TimeOrderedIds);
    // Bound first: a port that is taken must not cost a migration.
    let public = match mode {
        Mode::Whole | Mode::Api => Some(http::bind("listen", config.listen)?),
        Mode::Relay => None,
    };
    let internal = http::bind("internal-listen", config.internal_listen)?;
    if let Some((_, bound)) = &public {
        config.bind_public(*bound);
    }
    let (store, hold) = open::prepare_store(&config, migrations, clock.clone(), Arc::clone(&ids)).await?;
    let mut running = Running {
        public: public.as_ref().map(|(_, bound)| *bound),
        internal: internal.1,
        store: store.clone(),
        servers: Vec::new(),
        tasks: Vec::new(),
        stop_relay: CancellationToken::new(),
        identity: None,
        _hold: hold,
    };
    let metrics = Metrics::default();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    if mode != Mode::Api {
        running.start_relay(&config, &*ids, metrics).await?;
    }
    if let Some((listener, _)) = public {
        let api = api(&config, mode, &store, clock, ids).await?;
        running.serve(http::public(listener, api)?);
    }
    running.serve(internal::serve(internal.0, store, Arc::new(registry), mode)?);
    Ok(running)
}

async fn api(
    config: &Config,
    mode: Mode,
    store: &Store,
    clock: Clock,
    ids: Arc<dyn IdSource>,
) -> Result<Api, StartError> {
    let public_url = config.public_url.as_str().trim_end_matches('/').to_owned();
    let tokens = Tokens::load(store, &*ids, public_url.clone(), config.access_token_lifetime)
        .await
        .map_err(|error| open::store_failed(config, &error))?;
    Ok(Api {
        store: store.clone(),
        provider: config.provider.clone(),
        tokens,
        prober: prober(config)?,
        clock,
        ids,
        public_url,
        part: match mode {
            Mode::Whole => api::Part::Whole,
            Mode::Api | Mode::Relay => api::Part::ApiOnly,
        },
    })
}

/// How mail leaves this process, whether as a test or as what it is.
fn relay_settings(config: &Config) -> RelaySettings {
    RelaySettings {
        o365: Endpoints::replaced(config.o365_login_url.clone(), config.o365_graph_url.clone()),
        ..RelaySettings::new(config.provider.clone(), Gate::new(config.egress_allow.clone()))
    }
}

fn prober(config: &Config) -> Result<Prober, StartError> {
    let settings = RelaySettings {
        timeouts: Timeouts::of_tests(),
        ..relay_settings(config)
    };
    Prober::new(settings, &executable()).map_err(|error| {
        StartError::new(
            format!("test emails cannot be made ({error})"),
            "report this as a fault",
        )
    })
}

/// The file name of this program, for whoever has to let it through a firewall.
fn executable() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned())
}

impl Running {
    async fn start_relay(&mut self, config: &Config, ids: &dyn IdSource, metrics: Metrics) -> Result<(), StartError> {
        let identity = node::take_identity(&config.data_dir, ids)?;
        let node = identity.node;
        let registered = self.store.register_node(node, &node::name()).await;
        registered.map_err(|error| open::store_failed(config, &error))?;
        let outbox = self
            .store
            .clone()
            .outbox(config.provider.clone(), config.outcome_unknown_delay);
        let settings = relay_settings(config);
        let dispatcher = Dispatcher::new(Arc::new(outbox), settings, node, metrics)
            .map_err(|error| StartError::new(format!("the relay cannot start ({error})"), "report this as a fault"))?;
        self.tasks.push(tokio::spawn(health::tell(
            self.store.clone(),
            node,
            dispatcher.route_health(),
            self.stop_relay.clone(),
        )));
        self.tasks.push(tokio::spawn(dispatcher.run(self.stop_relay.clone())));
        self.identity = Some(identity);
        Ok(())
    }

    fn serve(&mut self, server: actix_web::dev::Server) {
        self.servers.push(server.handle());
        self.tasks.push(tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(error = &error as &dyn std::error::Error, "a listener ended");
            }
        }));
    }

    /// Stops in order: no more requests, then what is in flight, at most [`GRACE`].
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.stop_relay.cancel();
        let listeners = async {
            for server in &self.servers {
                server.stop(true).await;
            }
        };
        let tasks = async {
            for task in self.tasks {
                if let Err(error) = task.await {
                    tracing::error!(error = &error as &dyn std::error::Error, "a task ended badly");
                }
            }
        };
        if tokio::time::timeout(GRACE + Duration::from_secs(5), async { tokio::join!(listeners, tasks) })
            .await
            .is_err()
        {
            tracing::error!("not everything ended in time; its leases run out");
        }
        if let Some(identity) = &self.identity
            && let Err(error) = self.store.forget_node(identity.node).await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "this process stays on the list of nodes for a while"
            );
        }
        tracing::info!("stopped");
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`StartError`] where it does not start.
pub fn run(config: Config, mode: Mode, migrations: Migrations) -> Result<(), StartError> {
    runtime()?.block_on(async {
        let running = start(config, mode, migrations, Clock::system()).await?;
        if let Some(address) = running.public {
            tracing::info!("serving on http://{address}");
        }
        tracing::info!("metrics and health on http://{}", running.internal);
        told_to_stop().await?;
        running.stop().await;
        Ok(())
    })
}

/// The runtime of a whole process.
///
/// # Errors
/// [`StartError`] where the system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::new(format!("cannot start threads ({error})"), "raise this account's limits"))
}

/// Resolves on SIGTERM or SIGINT.
///
/// # Errors
/// [`StartError`] where signals cannot be waited for.
pub async fn told_to_stop() -> Result<(), StartError> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error| StartError::new(format!("cannot wait for signals ({error})"), "report this as a fault");
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// The folder of what this process keeps on its own machine; where it is made, for this account alone.
pub(crate) fn ensure_folder(path: &Path) -> Result<(), StartError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            StartError::new(
                format!("cannot make the folder {} ({error})", path.display()),
                "make it writable for the account that runs letterhead, or choose another with --data-dir",
            )
        })
}
