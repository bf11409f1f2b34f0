//! The whole program for one test: store, API and relay in this process, with a clock that can be moved and a capture
//! inbox as its smarthost.

use std::{net::SocketAddr, time::Duration};

use domain::{
    access::{Principal, Role, TenantAction},
    clock::Clock,
    connection::EmailSettings,
};
use letterhead::{
    commands::serve::{Migrations, Mode},
    config::{Environment, Flags, load},
    server::{self, Running},
};
use relay::inbox::{Inbox, InboxConfig};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{http::Client, postgres::PostgresDatabase};

/// The first operator's secret.
pub(crate) const OPERATOR_SECRET: &str = "canary-operator-secret";
/// How long mail may take on a busy machine before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running service.
pub(crate) struct Service {
    pub(crate) inbox: Inbox,
    pub(crate) clock: Clock,
    pub(crate) operator: Client,
    pub(crate) address: SocketAddr,
    running: Running,
    _database: Option<PostgresDatabase>,
    _folder: TempDir,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_with(InboxConfig::default(), &[]).await
    }

    /// A service with further settings, by variable; its route leads to an inbox like this.
    pub(crate) async fn start_with(inbox: InboxConfig, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = PostgresDatabase::create();
        let mut variables = base_settings(&folder);
        variables.extend(
            database
                .iter()
                .map(|database| ("LETTERHEAD_DATABASE_URL".to_owned(), database.url())),
        );
        variables.extend(
            settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let environment: Environment = variables.into_iter().collect();
        let flags: Flags = std::iter::empty::<(String, String)>().collect();
        let config = load(&flags, &environment)
            .unwrap_or_else(|refused| panic!("{:?}", refused.faults))
            .config;
        let clock = Clock::system();
        let running = server::start(config, Mode::Whole, Migrations::Apply, clock.clone())
            .await
            .unwrap();
        let address = running.public.unwrap();
        let operator = Client::of_client(address, "ops", OPERATOR_SECRET).await;
        let service = Self {
            inbox: Inbox::start(inbox).await.unwrap(),
            clock,
            operator,
            address,
            running,
            _database: database,
            _folder: folder,
        };
        service.add_route("inbox", service.inbox.addr()).await;
        service
    }

    pub(crate) async fn add_route(&self, name: &str, to: SocketAddr) -> Value {
        let route = json!({ "name": name, "email_server": to.ip().to_string(), "port": to.port(), "security": "none" });
        self.operator.post("/v1/relay/routes", &route).await.expect(201)
    }

    /// A new Cloud tenant, with its admin.
    pub(crate) async fn tenant(&self, slug: &str) -> Client {
        self.tenant_of(slug, "cloud").await
    }

    /// A new tenant of an edition, with its admin.
    pub(crate) async fn tenant_of(&self, slug: &str, edition: &str) -> Client {
        let new = json!({ "slug": slug, "name": "Acme", "edition": edition });
        self.operator.post("/v1/tenants", &new).await.expect(201);
        self.client(slug, "tenant_admin").await
    }

    /// A new client of a tenant, with this role.
    pub(crate) async fn client(&self, slug: &str, role: &str) -> Client {
        let new = json!({ "name": role, "roles": [role] });
        let made = self
            .operator
            .post(&format!("/v1/tenants/{slug}/api-clients"), &new)
            .await
            .expect(201);
        let (id, secret) = (
            made["client_id"].as_str().unwrap(),
            made["client_secret"].as_str().unwrap(),
        );
        Client::of_client(self.address, id, secret).await
    }

    /// Nobody, at this service.
    pub(crate) fn nobody(&self) -> Client {
        Client::nobody(self.address)
    }

    /// Lets a test email have passed with a tenant's settings.
    pub(crate) async fn note_passed_test(&self, slug: &str, settings: &EmailSettings) {
        let store = &self.running.store;
        let found = store.find_tenant(slug).await.unwrap();
        let scope = Principal::new("ops", [Role::Operator], None)
            .authorize(TenantAction::WriteSettings, found)
            .unwrap();
        store.tenant(&scope).note_passed_test(settings).await.unwrap();
    }

    pub(crate) fn internal(&self) -> SocketAddr {
        self.running.internal
    }

    /// Waits until a message of acme has this status.
    pub(crate) async fn until(&self, message: &Value, status: &str) -> Value {
        self.until_of("acme", message, status).await
    }

    /// Waits until a message of a tenant has this status.
    pub(crate) async fn until_of(&self, slug: &str, message: &Value, status: &str) -> Value {
        let path = format!("/v1/tenants/{slug}/messages/{}", message["id"].as_str().unwrap());
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = self.operator.get(&path).await.expect(200);
            if found["status"] == status {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "still {found:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The service once its clock has moved; the operator gets a new token, since the old one may have ended.
    pub(crate) async fn later(mut self, by: Duration) -> Self {
        self.clock.advance(by);
        self.operator = Client::of_client(self.address, "ops", OPERATOR_SECRET).await;
        self
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
        self.inbox.stop().await;
    }
}

/// What every test's service is started with: free ports, a folder of its own, the loopback allowed.
pub(crate) fn base_settings(folder: &TempDir) -> Vec<(String, String)> {
    [
        ("LETTERHEAD_DATA_DIR", folder.path().display().to_string().as_str()),
        ("LETTERHEAD_LISTEN", "127.0.0.1:0"),
        ("LETTERHEAD_INTERNAL_LISTEN", "127.0.0.1:0"),
        ("LETTERHEAD_BOOTSTRAP_CLIENT_ID", "ops"),
        ("LETTERHEAD_BOOTSTRAP_CLIENT_SECRET", OPERATOR_SECRET),
        ("LETTERHEAD_RELAY_DOMAIN", "relay.example"),
        ("LETTERHEAD_EGRESS_ALLOW", "127.0.0.0/8"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// An on-premises tenant's settings: a server without TLS and without an account.
pub(crate) fn own_server(to: SocketAddr) -> Value {
    json!({ "send_email_method": "smtp", "from_email_address": "pam@globex.example",
            "smtp": { "email_server": to.ip().to_string(), "port": to.port(), "security": "none" } })
}

/// A code for one recipient.
pub(crate) fn code() -> Value {
    json!({ "kind": "two_factor_code", "to": [{ "email": "bob@acme.example", "name": "Bob" }],
            "data": { "code": "493021", "expires_in_minutes": 10 } })
}

/// A notification for one recipient.
pub(crate) fn notification() -> Value {
    json!({ "kind": "notification", "to": [{ "email": "bob@acme.example" }],
            "data": { "subject": "A secret expires", "body_markdown": "It **expires**." } })
}
