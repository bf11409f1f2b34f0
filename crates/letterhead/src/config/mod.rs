//! The configuration: every setting from flags, environment, file or default, typed, with its origin.
//!
//! The only reader of the environment. [`load`] returns all of it or every fault, never a part, so the rest of the program
//! need not ask whether a value is sound.

mod database_url;
mod environment;
mod file;
mod log;
mod origin;
mod parse;
mod reader;
mod reference;
mod setting;
mod show;
mod suggest;
mod table;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{
    branding::Provider,
    secret::{Secret, SecretText},
};
use ipnet::IpNet;
use url::Url;

pub(crate) use self::parse::key as parse_key;
use self::reader::{Reader, Recorded};
pub use storage::DatabaseUrl;

pub use self::{
    environment::Environment,
    log::{LogFilter, LogFormat},
    origin::Origin,
    reader::Value,
    reference::markdown,
    setting::{About, Empty, Fallback, Place, Secrecy},
    show::{as_json, as_table},
    table::ALL as SETTINGS,
};
use crate::start_error::StartError;

/// The settings of the process.
pub struct Config {
    /// Where REST and console are served; port 0 until [`Config::bind_public`].
    pub listen: SocketAddr,
    /// Where `/metrics` is served.
    pub internal_listen: SocketAddr,
    /// The store.
    pub database_url: DatabaseUrl,
    /// The folder of the embedded database and the generated master key.
    pub data_dir: PathBuf,
    /// The issuer, and the beginning of links; without query and fragment.
    pub public_url: Url,
    public_url_from: PublicUrlFrom,
    /// The key that was configured; see [`crate::master_key`] for where there is none.
    pub master_key: Option<Secret<[u8; 32]>>,
    /// The file that holds it, where a variable names one.
    pub master_key_file: Option<PathBuf>,
    /// The first operator, to be created once.
    pub bootstrap: Option<BootstrapClient>,
    /// How long an access token is valid.
    pub access_token_lifetime: Duration,
    /// The provider, as far as recipients see it.
    pub provider: Provider,
    /// How long a notification or system mail of unknown outcome waits before it goes once more.
    pub outcome_unknown_delay: Duration,
    /// Private networks the outbound gate lets through.
    pub egress_allow: Vec<IpNet>,
    /// Stands in for Microsoft's sign-in endpoints.
    pub o365_login_url: Option<Url>,
    /// Stands in for Microsoft's Graph endpoints.
    pub o365_graph_url: Option<Url>,
    /// What is logged.
    pub log: LogFilter,
    /// How it is logged.
    pub log_format: LogFormat,
}

/// The client of the first operator.
pub struct BootstrapClient {
    /// Its client id.
    pub id: String,
    /// Its client secret.
    pub secret: SecretText,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PublicUrlFrom {
    Setting,
    Listener,
}

/// The settings given as flags: text by key.
#[derive(Debug, Clone, Default)]
pub struct Flags(BTreeMap<String, String>);

impl Flags {
    fn get(&self, about: &About) -> Option<&str> {
        self.0.get(about.key).map(String::as_str)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Flags {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

/// A configuration that can be started with.
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The same for people, in the order of the table, without secrets.
    pub values: Vec<Value>,
    /// What does not stop start-up but was probably not meant.
    pub warnings: Vec<String>,
}

/// A configuration that cannot be started with.
#[derive(Debug)]
pub struct Refused {
    /// Every fault, each one line.
    pub faults: Vec<StartError>,
    /// What does not stop start-up but was probably not meant.
    pub warnings: Vec<String>,
}

/// Reads all settings.
///
/// # Errors
/// Every fault of flags, environment and file at once; nothing of a faulty configuration can be used.
pub fn load(flags: &Flags, environment: &Environment) -> Result<Loaded, Refused> {
    let mut warnings = environment.warnings();
    let mut reader = Reader::new(flags, environment);
    if let Ok(Some(path)) = reader.optional(&table::CONFIG) {
        reader.open(&path);
    }
    let outcome = read_all(&mut reader);
    match outcome {
        Ok(config) if reader.faults.is_empty() => {
            warnings.extend(config.warnings());
            Ok(Loaded {
                config,
                values: reader.values,
                warnings,
            })
        }
        Ok(_) | Err(Recorded) => Err(Refused {
            faults: reader.faults,
            warnings,
        }),
    }
}

/// Reads every setting before it looks at any outcome, so that one fault does not hide another.
fn read_all(reader: &mut Reader<'_>) -> Result<Config, Recorded> {
    let data_dir = reader.or_default(&table::DATA_DIR);
    // Where the setting a default is made from is faulty, any default will do: nothing of it will be used.
    let folder = data_dir.as_deref().unwrap_or(Path::new("."));
    let database_url = reader.or(
        &table::DATABASE_URL,
        format!("sqlite://{}/letterhead.db", folder.display()),
    );
    let listen = reader.or_default(&table::LISTEN);
    let internal_listen = reader.or_default(&table::INTERNAL_LISTEN);
    let public_url = reader.or(
        &table::PUBLIC_URL,
        listen.map_or_else(|Recorded| "http://localhost".to_owned(), url_of),
    );
    let master_key = reader.optional(&table::MASTER_KEY);
    let bootstrap = read_bootstrap(reader);
    let access_token_lifetime = reader.or_default(&table::ACCESS_TOKEN_LIFETIME);
    let provider = read_provider(reader);
    let outcome_unknown_delay = reader.or_default(&table::OUTCOME_UNKNOWN_DELAY);
    let egress_allow = reader.or_default(&table::EGRESS_ALLOW);
    let o365_login_url = reader.optional(&table::O365_LOGIN_URL);
    let o365_graph_url = reader.optional(&table::O365_GRAPH_URL);
    let log = reader.or_default(&table::LOG);
    let log_format = reader.or_default(&table::LOG_FORMAT);
    check_listeners(reader, listen?, internal_listen?)?;
    Ok(Config {
        listen: listen?,
        internal_listen: internal_listen?,
        database_url: database_url?,
        data_dir: data_dir?,
        public_url: public_url?,
        public_url_from: match reader.origin(&table::PUBLIC_URL.about) {
            Some(Origin::Default) | None => PublicUrlFrom::Listener,
            Some(_) => PublicUrlFrom::Setting,
        },
        master_key: master_key?,
        master_key_file: match reader.origin(&table::MASTER_KEY.about) {
            Some(Origin::NamedFile { path, .. }) => Some(path.clone()),
            Some(Origin::Flag(_) | Origin::Variable(_) | Origin::ConfigFile { .. } | Origin::Default) | None => None,
        },
        bootstrap: bootstrap?,
        access_token_lifetime: access_token_lifetime?,
        provider: provider?,
        outcome_unknown_delay: outcome_unknown_delay?,
        egress_allow: egress_allow?,
        o365_login_url: o365_login_url?,
        o365_graph_url: o365_graph_url?,
        log: log?,
        log_format: log_format?,
    })
}

fn read_provider(reader: &mut Reader<'_>) -> Result<Provider, Recorded> {
    let relay_domain = reader.or_default(&table::RELAY_DOMAIN);
    let sender_verification = reader.or_default(&table::SENDER_VERIFICATION);
    let name = reader.or_default(&table::PROVIDER_NAME);
    Ok(Provider {
        name: name?,
        relay_domain: relay_domain?,
        sender_verification: sender_verification?,
    })
}

fn read_bootstrap(reader: &mut Reader<'_>) -> Result<Option<BootstrapClient>, Recorded> {
    let id = reader.optional(&table::BOOTSTRAP_CLIENT_ID);
    let secret = reader.optional(&table::BOOTSTRAP_CLIENT_SECRET);
    let (lone, missing) = match (id?, secret?) {
        (Some(id), Some(secret)) => return Ok(Some(BootstrapClient { id, secret })),
        (None, None) => return Ok(None),
        (Some(_), None) => (&table::BOOTSTRAP_CLIENT_ID.about, &table::BOOTSTRAP_CLIENT_SECRET.about),
        (None, Some(_)) => (&table::BOOTSTRAP_CLIENT_SECRET.about, &table::BOOTSTRAP_CLIENT_ID.about),
    };
    let place = reader.origin(lone).map(ToString::to_string).unwrap_or_default();
    Err(reader.fault(
        format!("{place} is set without {}", missing.variable()),
        "set both or neither",
    ))
}

fn check_listeners(reader: &mut Reader<'_>, public: SocketAddr, internal: SocketAddr) -> Result<(), Recorded> {
    let wildcard = public.ip().is_unspecified() || internal.ip().is_unspecified();
    let collide = public.port() == internal.port() && (public.ip() == internal.ip() || wildcard);
    if collide && public.port() != 0 {
        return Err(reader.fault(
            format!("listen ({public}) and internal_listen ({internal}) are the same place"),
            "give them different ports",
        ));
    }
    Ok(())
}

impl Config {
    /// Says where the public listener really is, once it is bound: port 0 has become a number, and a public URL that was
    /// made from the listener follows.
    pub fn bind_public(&mut self, bound: SocketAddr) {
        self.listen = bound;
        if self.public_url_from == PublicUrlFrom::Listener
            && let Ok(url) = Url::parse(&url_of(bound))
        {
            self.public_url = url;
        }
    }

    /// The database's URL as it may be shown.
    #[must_use]
    pub fn database_shown(&self) -> String {
        match &self.database_url {
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => database_url::redact(secrecy::ExposeSecret::expose_secret(url)),
        }
    }

    fn warnings(&self) -> Option<String> {
        let derived = self.public_url_from == PublicUrlFrom::Listener;
        let reachable = !self.listen.ip().is_loopback();
        (derived && reachable).then(|| {
            format!(
                "public_url is not set while {} can be reached from elsewhere: links in mail will begin with {}",
                self.listen, self.public_url
            )
        })
    }
}

fn url_of(listener: SocketAddr) -> String {
    format!("http://{}", dialable(listener))
}

/// The address at which a listener is reached from its own machine: that of every interface cannot be dialled.
#[must_use]
pub fn dialable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listener.port())
}
