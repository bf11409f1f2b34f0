//! A store of a test's own, on the database this run is for, with a clock that can be moved.

use std::{path::PathBuf, sync::Arc, time::Duration};

use domain::{
    access::{Principal, ProviderScope, Role, TenantAction, TenantScope},
    branding::{Branding, Provider, SenderVerification},
    clock::Clock,
    connection::{Connection, Credentials, Host, Proof, Security, SmtpServer},
    ids::{DeliveryId, IdSource as _, MessageId, NodeId, TenantId, TimeOrderedIds},
    message::{
        Locale, NewMessage, Recipient,
        kind::{Content, Notification, Severity, TwoFactorCode},
    },
    secret::{Secret, secret_text},
    tenant::Limits,
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use storage::{
    DatabaseUrl, Store, StoreConfig,
    identity::SigningKey,
    outbox::{StoreOutbox, Submitted},
    provider::{NewEdition, NewTenant, PasswordChange, RouteChange},
    tenant::SettingsChange,
};
use tempfile::TempDir;

/// The key every test's store is made with.
pub(crate) const MASTER_KEY: [u8; 32] = [7; 32];
/// Where the runner's PostgreSQL is; a run without it is for SQLite.
const POSTGRES: &str = "LETTERHEAD_TEST_POSTGRES";

/// An empty database.
pub(crate) struct TestDatabase {
    pub(crate) url: DatabaseUrl,
    pub(crate) raw_url: String,
    _folder: TempDir,
}

impl TestDatabase {
    #[expect(clippy::disallowed_methods, reason = "the runner tells its tests by the environment")]
    pub(crate) async fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let Ok(server) = std::env::var(POSTGRES) else {
            let path: PathBuf = folder.path().join("letterhead.db");
            let raw_url = format!("sqlite://{}?mode=rwc", path.display());
            return Self {
                url: DatabaseUrl::Sqlite(path),
                raw_url,
                _folder: folder,
            };
        };
        let name = format!("storage_{}", TimeOrderedIds.next().simple());
        let server = server.trim_end_matches('/').to_owned();
        let maintenance = Database::connect(format!("{server}/postgres")).await.unwrap();
        maintenance
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        let raw_url = format!("{server}/{name}");
        Self {
            url: DatabaseUrl::Postgres(secret_text(raw_url.clone())),
            raw_url,
            _folder: folder,
        }
    }

    pub(crate) async fn connect(&self, master_key: [u8; 32]) -> Result<Store, storage::StoreError> {
        self.connect_at(master_key, Clock::system()).await
    }

    pub(crate) async fn connect_at(&self, master_key: [u8; 32], clock: Clock) -> Result<Store, storage::StoreError> {
        Store::connect(StoreConfig {
            url: self.url.clone(),
            master_key: Secret::new(Box::new(master_key)),
            clock,
            ids: Arc::new(TimeOrderedIds),
        })
        .await
    }

    /// The database behind the store's back.
    pub(crate) async fn raw(&self) -> DatabaseConnection {
        Database::connect(self.raw_url.as_str()).await.unwrap()
    }
}

/// A migrated store with a Cloud tenant and a route.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) scope: TenantScope,
    pub(crate) node: NodeId,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await;
        let clock = Clock::system();
        let store = database.connect_at(MASTER_KEY, clock.clone()).await.unwrap();
        store.migrate().await.unwrap();
        let scope = tenant(&store, "acme").await;
        store.provider(&operator()).create_route(route("one")).await.unwrap();
        let node = NodeId::generate(&TimeOrderedIds);
        store.register_node(node, "test").await.unwrap();
        Self {
            database,
            store,
            clock,
            scope,
            node,
        }
    }

    pub(crate) fn outbox(&self) -> StoreOutbox {
        self.store.clone().outbox(provider(), Duration::from_mins(10))
    }

    pub(crate) async fn submit(&self, content: Content) -> NewMessage {
        self.submit_with(content, None).await
    }

    /// A message of another tenant.
    pub(crate) async fn submit_of(&self, scope: &TenantScope, content: Content) -> NewMessage {
        let message = self.message(content);
        let domain = "globex.example".parse().unwrap();
        self.store
            .submit(scope, std::slice::from_ref(&message), &domain, None)
            .await
            .unwrap();
        message
    }

    pub(crate) async fn submit_with(&self, content: Content, supersede_key: Option<&str>) -> NewMessage {
        let message = NewMessage {
            supersede_key: supersede_key.map(str::to_owned),
            ..self.message(content)
        };
        let domain = "acme.example".parse().unwrap();
        let stored = self
            .store
            .submit(&self.scope, std::slice::from_ref(&message), &domain, None)
            .await
            .unwrap();
        assert_eq!(stored, Submitted::Stored);
        message
    }

    pub(crate) fn message(&self, content: Content) -> NewMessage {
        let now = self.clock.now();
        NewMessage {
            id: MessageId::generate(&TimeOrderedIds),
            recipients: vec![(
                DeliveryId::generate(&TimeOrderedIds),
                Recipient {
                    email: "bob@acme.example".parse().unwrap(),
                    name: None,
                },
            )],
            locale: Locale::default(),
            created_at: now,
            expires_at: now + content.default_life(),
            send_at: None,
            supersede_key: None,
            metadata: serde_json::Map::new(),
            content,
        }
    }

    /// The status of a message.
    pub(crate) async fn status(&self, message: &NewMessage) -> &'static str {
        self.store
            .tenant(&self.scope)
            .message(message.id)
            .await
            .unwrap()
            .status()
            .as_str()
    }

    /// A message's timeline, by type.
    pub(crate) async fn timeline(&self, message: &NewMessage) -> Vec<&'static str> {
        let page = storage::PageRequest::default();
        let events = self.store.tenant(&self.scope).events(message.id, page).await.unwrap();
        events.items.iter().map(|event| event.event_type.as_str()).collect()
    }
}

pub(crate) fn operator() -> ProviderScope {
    Principal::new("ops", [Role::Operator], None)
        .authorize_provider()
        .unwrap()
}

pub(crate) fn provider() -> Provider {
    Provider {
        name: "Letterhead".parse().unwrap(),
        relay_domain: "relay.example".parse().unwrap(),
        sender_verification: SenderVerification::Off,
    }
}

/// A new Cloud tenant, and leave to act in it.
pub(crate) async fn tenant(store: &Store, slug: &str) -> TenantScope {
    let branding = Branding {
        from_address: format!("no-reply@{slug}.relay.example").parse().unwrap(),
        from_name: Some("Acme".parse().unwrap()),
    };
    tenant_of(store, slug, NewEdition::Cloud(branding)).await
}

/// A new on-premises tenant, unconfigured, and leave to act in it.
pub(crate) async fn on_premises(store: &Store, slug: &str) -> TenantScope {
    tenant_of(store, slug, NewEdition::OnPremises).await
}

async fn tenant_of(store: &Store, slug: &str, edition: NewEdition) -> TenantScope {
    let new = NewTenant {
        slug: slug.parse().unwrap(),
        name: "Acme".parse().unwrap(),
        edition,
        limits: Limits::default(),
    };
    let made = store.provider(&operator()).create_tenant(new).await.unwrap();
    scope(store, made.id).await
}

pub(crate) async fn scope(store: &Store, id: TenantId) -> TenantScope {
    let found = store.find_tenant(&id.to_string()).await.unwrap();
    Principal::new("ops", [Role::Operator], None)
        .authorize(TenantAction::SubmitMessages, found)
        .unwrap()
}

/// The From of an on-premises tenant.
pub(crate) fn pam() -> Branding {
    Branding {
        from_address: "pam@globex.example".parse().unwrap(),
        from_name: None,
    }
}

/// A tenant's own server.
pub(crate) fn own_server() -> SmtpServer {
    SmtpServer {
        host: "smtp.globex.example".parse().unwrap(),
        port: 587,
        security: Security::StartTls,
        credentials: Some(Credentials {
            username: "pam".to_owned(),
            proof: Proof::Password(secret_text("canary-own-password")),
        }),
        ca_certificate_pem: None,
    }
}

/// Saves a tenant's own server.
pub(crate) async fn configure(store: &Store, scope: &TenantScope, server: SmtpServer) {
    let own = store.tenant(scope).own_connection().unwrap();
    own.replace(&pam(), &Connection::Smtp(server), SettingsChange::default())
        .await
        .unwrap();
}

pub(crate) fn route(name: &str) -> RouteChange {
    RouteChange {
        name: name.to_owned(),
        server: SmtpServer {
            host: "127.0.0.1".parse::<Host>().unwrap(),
            port: 25,
            security: Security::StartTls,
            credentials: None,
            ca_certificate_pem: None,
        },
        username: Some("relay".to_owned()),
        password: PasswordChange::Set(secret_text("canary-route-password")),
        max_connections: 10,
        messages_per_second: None,
        priority: 0,
        weight: 1,
    }
}

pub(crate) fn code() -> Content {
    Content::TwoFactorCode(TwoFactorCode {
        code: "CANARY493021".into(),
        expires_in_minutes: 10,
    })
}

pub(crate) fn notification() -> Content {
    Content::Notification(Notification {
        subject: "canary-subject".into(),
        body_markdown: "canary-body".into(),
        severity: Severity::Info,
        action: None,
    })
}

/// A key pair to be stored; nothing is signed with it.
pub(crate) fn signing_key() -> SigningKey {
    SigningKey {
        kid: TimeOrderedIds.next().to_string(),
        algorithm: "ES256".into(),
        public_key: vec![4; 65],
        private_key: Secret::new(Box::new(vec![1; 32])),
        retired_at: None,
    }
}
