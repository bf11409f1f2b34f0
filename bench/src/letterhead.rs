//! Letterhead itself, as it is shipped and with the settings it comes with, told only where it is and what it may reach.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    load::{Door, Sender},
    postgres::Postgres,
    process::{self, End, Process, free_address},
    rest::{Call, Connection},
};

const OPERATOR: &str = "bench-operator";
const OPERATOR_SECRET: &str = "not-a-secret-outside-this-folder";
/// 32 zero bytes in base64: processes that share a database need one key.
const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// A day, the longest there is: no run must stop to ask for a token.
const TOKEN_SECONDS: &str = "86400";

/// Which store it keeps its outbox in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Sqlite,
    Postgres,
}

/// Which part of the service a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Api,
    Relay,
}

/// Whether a route takes mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    Pause,
    Resume,
}

/// A running service. Its processes end before the database does, and both before their folder goes.
#[derive(Debug)]
pub(crate) struct Letterhead {
    pub(crate) address: SocketAddr,
    token: String,
    program: PathBuf,
    processes: Vec<Process>,
    postgres: Option<Postgres>,
    home: TempDir,
}

impl Letterhead {
    /// Starts a service on an empty database; only its API with [`Part::Api`].
    pub(crate) async fn start(program: &Path, work_dir: &Path, store: StoreKind, part: Part) -> Result<Self> {
        let home = process::home(work_dir, "letterhead")?;
        let postgres = match store {
            StoreKind::Sqlite => None,
            StoreKind::Postgres => Some(Postgres::start(work_dir).await?),
        };
        let mut service = Self {
            address: free_address()?,
            token: String::new(),
            program: program.to_owned(),
            processes: Vec::new(),
            postgres,
            home,
        };
        service.run(part).await?;
        service.token = service.ask_token(OPERATOR, OPERATOR_SECRET).await?;
        Ok(service)
    }

    /// Adds a relay process on the same database; PostgreSQL only.
    pub(crate) async fn add_relay(&mut self) -> Result<()> {
        self.run(Part::Relay).await
    }

    async fn run(&mut self, part: Part) -> Result<()> {
        let internal = free_address()?;
        let folder = self.home.path().join(format!("node-{}", self.processes.len()));
        let log = self.home.path().join(format!("node-{}.log", self.processes.len()));
        let mut command = Command::new(&self.program);
        command.env_clear().arg("serve");
        let ready_at = match part {
            Part::Whole => self.address,
            Part::Api => {
                command.args(["--only", "api"]);
                self.address
            }
            Part::Relay => {
                command.args(["--only", "relay"]);
                internal
            }
        };
        command
            .env("LETTERHEAD_DATA_DIR", &folder)
            .env("LETTERHEAD_DATABASE_URL", self.database_url())
            .env("LETTERHEAD_LISTEN", self.address.to_string())
            .env("LETTERHEAD_INTERNAL_LISTEN", internal.to_string())
            .env("LETTERHEAD_MASTER_KEY", MASTER_KEY)
            .env("LETTERHEAD_BOOTSTRAP_CLIENT_ID", OPERATOR)
            .env("LETTERHEAD_BOOTSTRAP_CLIENT_SECRET", OPERATOR_SECRET)
            .env("LETTERHEAD_ACCESS_TOKEN_LIFETIME", TOKEN_SECONDS)
            .env("LETTERHEAD_EGRESS_ALLOW", "127.0.0.0/8");
        let mut process = Process::start("letterhead", &mut command, &log, End::Politely)?;
        process.until(async || is_ready(ready_at).await).await?;
        self.processes.push(process);
        Ok(())
    }

    /// The URL of its database.
    pub(crate) fn database_url(&self) -> String {
        match &self.postgres {
            Some(postgres) => postgres.url(),
            None => format!("sqlite://{}", self.home.path().join("letterhead.db").display()),
        }
    }

    /// Its processes' ids, and its database server's.
    pub(crate) fn roots(&self) -> Vec<u32> {
        let own = self.processes.iter().map(Process::id);
        own.chain(self.postgres.iter().map(Postgres::id)).collect()
    }

    /// The ids of its own processes alone.
    pub(crate) fn own_roots(&self) -> Vec<u32> {
        self.processes.iter().map(Process::id).collect()
    }

    /// An operator's call.
    pub(crate) async fn operate(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let call = Call {
            method,
            path,
            content_type: "application/json",
            body: &body.to_string(),
        };
        Connection::open(self.address)
            .await?
            .call(Some(&self.token), call)
            .await
    }

    /// Lets the relay send to `sink`; until then everything accepted waits. Returns the route's id.
    pub(crate) async fn add_route(&self, sink: SocketAddr, max_connections: usize) -> Result<String> {
        let route = json!({ "name": "sink", "email_server": sink.ip().to_string(), "port": sink.port(),
                            "security": "none", "max_connections": max_connections });
        let made = self.operate("POST", "/v1/relay/routes", &route).await?;
        let id = made.get("id").and_then(Value::as_str);
        Ok(id.context("a route without an id")?.to_owned())
    }

    /// Keeps mail from a route, or lets it take mail again.
    pub(crate) async fn switch_route(&self, route: &str, switch: Switch) -> Result<()> {
        let (verb, body) = match switch {
            Switch::Pause => ("pause", json!({ "reason": "bench" })),
            Switch::Resume => ("resume", json!({})),
        };
        self.operate("POST", &format!("/v1/relay/routes/{route}/{verb}"), &body)
            .await?;
        Ok(())
    }

    /// Ends its processes and leaves its database.
    pub(crate) fn halt(&mut self) {
        self.processes.clear();
    }

    /// A new Cloud tenant with a client that may submit.
    pub(crate) async fn add_tenant(&self, slug: &str) -> Result<Sender> {
        self.add_tenant_of("cloud", slug).await
    }

    /// A new on-premises tenant, whose own server is `server`, with a client that may submit.
    pub(crate) async fn add_own_server_tenant(&self, slug: &str, server: SocketAddr) -> Result<Sender> {
        let sender = self.add_tenant_of("on_premises", slug).await?;
        let settings = json!({ "send_email_method": "smtp", "from_email_address": format!("no-reply@{slug}.example"),
                               "smtp": { "email_server": server.ip().to_string(), "port": server.port(),
                                         "security": "none" } });
        self.operate("PUT", &format!("/v1/tenants/{slug}/email-settings"), &settings)
            .await?;
        Ok(sender)
    }

    async fn add_tenant_of(&self, edition: &str, slug: &str) -> Result<Sender> {
        let tenant = json!({ "slug": slug, "name": "Acme", "edition": edition });
        self.operate("POST", "/v1/tenants", &tenant).await?;
        let client = json!({ "name": "product", "roles": ["sender"] });
        let made = self
            .operate("POST", &format!("/v1/tenants/{slug}/api-clients"), &client)
            .await?;
        let field = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Sender {
            slug: slug.to_owned(),
            token: self.ask_token(&field("client_id"), &field("client_secret")).await?,
        })
    }

    /// The way in for `count` new tenants, whose slugs begin with `prefix`.
    pub(crate) async fn door(&self, prefix: &str, count: usize) -> Result<Door> {
        let mut senders = Vec::with_capacity(count);
        for number in 0..count {
            senders.push(self.add_tenant(&format!("{prefix}-{number}")).await?);
        }
        Ok(Door::Rest {
            address: self.address,
            senders: Arc::from(senders),
        })
    }

    async fn ask_token(&self, id: &str, secret: &str) -> Result<String> {
        // Ids and secrets are made of characters that need no escape in a form.
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let call = Call {
            method: "POST",
            path: "/oauth2/token",
            content_type: "application/x-www-form-urlencoded",
            body: &form,
        };
        let answer = Connection::open(self.address).await?.call(None, call).await?;
        let token = answer.get("access_token").and_then(Value::as_str);
        Ok(token.context("no access token")?.to_owned())
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    let call = Call {
        method: "GET",
        path: "/readyz",
        content_type: "application/json",
        body: "",
    };
    match Connection::open(address).await {
        Ok(mut connection) => connection.call(None, call).await.is_ok(),
        Err(_) => false,
    }
}

/// What the program says it is.
pub(crate) fn version(program: &Path) -> Result<String> {
    process::answer(Command::new(program).arg("--version"))
}
