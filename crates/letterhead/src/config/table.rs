//! The table of settings: every setting of the process, once.
//!
//! Flags, variables, the keys of the file, `config show` and `docs/configuration.md` are all made from it, so a new setting
//! is one entry here, one line in [`ALL`] and one field of `Config`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use domain::{
    address::{DisplayName, Domain},
    branding::SenderVerification,
    secret::{Secret, SecretText},
};
use ipnet::IpNet;
use url::Url;

use super::{
    DatabaseUrl, database_url,
    log::{LogFilter, LogFormat},
    parse,
    setting::{About, Empty, Fallback, Place, Secrecy, Setting, from_str},
};

/// Every setting, in the order of the documentation.
pub static ALL: [&About; 19] = [
    &CONFIG.about,
    &DATABASE_URL.about,
    &DATA_DIR.about,
    &LISTEN.about,
    &INTERNAL_LISTEN.about,
    &PUBLIC_URL.about,
    &MASTER_KEY.about,
    &BOOTSTRAP_CLIENT_ID.about,
    &BOOTSTRAP_CLIENT_SECRET.about,
    &ACCESS_TOKEN_LIFETIME.about,
    &RELAY_DOMAIN.about,
    &SENDER_VERIFICATION.about,
    &PROVIDER_NAME.about,
    &OUTCOME_UNKNOWN_DELAY.about,
    &EGRESS_ALLOW.about,
    &O365_LOGIN_URL.about,
    &O365_GRAPH_URL.about,
    &LOG.about,
    &LOG_FORMAT.about,
];

/// What most settings have in common.
const COMMON: About = About {
    key: "",
    form: "TEXT",
    default: Fallback::Fixed(""),
    secrecy: Secrecy::Public,
    empty: Empty::Unset,
    place: Place::Everywhere,
    description: "",
};

pub(super) static CONFIG: Setting<PathBuf> = Setting {
    about: About {
        key: "config",
        form: "FILE",
        default: Fallback::Absent("no file"),
        place: Place::OutsideTheFile,
        description: "A TOML file with settings, one flat `key = value` each.",
        ..COMMON
    },
    parse: parse::path,
};

pub(super) static DATABASE_URL: Setting<DatabaseUrl> = Setting {
    about: About {
        key: "database_url",
        form: "URL",
        default: Fallback::Derived("sqlite://<data_dir>/letterhead.db"),
        secrecy: Secrecy::Partly(database_url::redact),
        description: "The database: `sqlite://PATH` for one process, `postgres://USER:PASSWORD@HOST:PORT/NAME` for any number.",
        ..COMMON
    },
    parse: from_str,
};

pub(super) static DATA_DIR: Setting<PathBuf> = Setting {
    about: About {
        key: "data_dir",
        form: "FOLDER",
        default: Fallback::Fixed("./data"),
        description: "The folder of the embedded database and of the generated master key; made with mode 0700 where it is missing.",
        ..COMMON
    },
    parse: parse::path,
};

pub(super) static LISTEN: Setting<SocketAddr> = Setting {
    about: About {
        key: "listen",
        form: "ADDRESS:PORT",
        default: Fallback::Fixed("127.0.0.1:8080"),
        description: "Where REST and console are served; port 0 takes a free one.",
        ..COMMON
    },
    parse: parse::socket_address,
};

pub(super) static INTERNAL_LISTEN: Setting<SocketAddr> = Setting {
    about: About {
        key: "internal_listen",
        form: "ADDRESS:PORT",
        default: Fallback::Fixed("127.0.0.1:8081"),
        description: "Where `/metrics` is served, without authentication: keep it away from the public; port 0 takes a free one.",
        ..COMMON
    },
    parse: parse::socket_address,
};

pub(super) static PUBLIC_URL: Setting<Url> = Setting {
    about: About {
        key: "public_url",
        form: "URL",
        default: Fallback::Derived("http://<listen>"),
        description: "How clients and recipients reach the service: the issuer of tokens and the beginning of links in mail.",
        ..COMMON
    },
    parse: parse::http_url,
};

pub(super) static MASTER_KEY: Setting<Secret<[u8; 32]>> = Setting {
    about: About {
        key: "master_key",
        form: "BASE64",
        default: Fallback::Absent("generated into <data_dir>/master.key"),
        secrecy: Secrecy::Secret,
        description: "32 bytes in base64 that wrap every tenant's data key; processes that share a database need the same one.",
        ..COMMON
    },
    parse: parse::key,
};

pub(super) static BOOTSTRAP_CLIENT_ID: Setting<String> = Setting {
    about: About {
        key: "bootstrap_client_id",
        form: "ID",
        default: Fallback::Absent("none"),
        description: "The client id of the first operator, created once; 1–255 printable ASCII characters without a colon.",
        ..COMMON
    },
    parse: parse::client_id,
};

pub(super) static BOOTSTRAP_CLIENT_SECRET: Setting<SecretText> = Setting {
    about: About {
        key: "bootstrap_client_secret",
        form: "SECRET",
        default: Fallback::Absent("none"),
        secrecy: Secrecy::Secret,
        description: "The secret of the first operator, set together with its id; 1–255 printable ASCII characters.",
        ..COMMON
    },
    parse: parse::client_secret,
};

pub(super) static ACCESS_TOKEN_LIFETIME: Setting<Duration> = Setting {
    about: About {
        key: "access_token_lifetime",
        form: "SECONDS",
        default: Fallback::Fixed("900"),
        description: "Seconds an access token is valid, 60–86400.",
        ..COMMON
    },
    parse: parse::token_lifetime,
};

pub(super) static RELAY_DOMAIN: Setting<Domain> = Setting {
    about: About {
        key: "relay_domain",
        form: "DOMAIN",
        default: Fallback::Fixed("relay.localhost"),
        description: "The provider's own mail domain: fallback From, Message-ID, EHLO, bounces.",
        ..COMMON
    },
    parse: from_str,
};

pub(super) static SENDER_VERIFICATION: Setting<SenderVerification> = Setting {
    about: About {
        key: "sender_verification",
        form: "rewrite|require|off",
        default: Fallback::Fixed("rewrite"),
        description: "What becomes of a Cloud tenant's From whose domain is not verified: `rewrite` it to the fallback, `require` a verified one, `off`.",
        ..COMMON
    },
    parse: from_str,
};

pub(super) static PROVIDER_NAME: Setting<DisplayName> = Setting {
    about: About {
        key: "provider_name",
        form: "NAME",
        default: Fallback::Fixed("Letterhead"),
        description: "The provider's name in the fallback From and in mails; 1–64 characters.",
        ..COMMON
    },
    parse: from_str,
};

pub(super) static OUTCOME_UNKNOWN_DELAY: Setting<Duration> = Setting {
    about: About {
        key: "outcome_unknown_delay",
        form: "SECONDS",
        default: Fallback::Fixed("600"),
        description: "Seconds before a notification or system mail of unknown outcome goes once more, 0–86400.",
        ..COMMON
    },
    parse: parse::outcome_unknown_delay,
};

pub(super) static EGRESS_ALLOW: Setting<Vec<IpNet>> = Setting {
    about: About {
        key: "egress_allow",
        form: "CIDR,…",
        empty: Empty::List,
        description: "Private or loopback networks that routes, on-premises servers and webhooks may reach, separated by commas.",
        ..COMMON
    },
    parse: parse::networks,
};

pub(super) static O365_LOGIN_URL: Setting<Url> = Setting {
    about: About {
        key: "o365_login_url",
        form: "URL",
        default: Fallback::Absent("Microsoft's, by cloud"),
        description: "Another sign-in endpoint for O365, for an emulator.",
        ..COMMON
    },
    parse: parse::http_url,
};

pub(super) static O365_GRAPH_URL: Setting<Url> = Setting {
    about: About {
        key: "o365_graph_url",
        form: "URL",
        default: Fallback::Absent("Microsoft's, by cloud"),
        description: "Another Graph endpoint for O365, for an emulator.",
        ..COMMON
    },
    parse: parse::http_url,
};

pub(super) static LOG: Setting<LogFilter> = Setting {
    about: About {
        key: "log",
        form: "FILTER",
        default: Fallback::Fixed("info"),
        description: "What is logged to standard error: a level (`error`, `warn`, `info`, `debug`, `trace`, `off`) or directives such as `warn,relay=debug`.",
        ..COMMON
    },
    parse: from_str,
};

pub(super) static LOG_FORMAT: Setting<LogFormat> = Setting {
    about: About {
        key: "log_format",
        form: "json|pretty",
        default: Fallback::Fixed("pretty"),
        description: "How it is logged: `json`, one object a line, or `pretty`, one line of text.",
        ..COMMON
    },
    parse: from_str,
};
