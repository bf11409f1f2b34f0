//! The store: everything that must survive, on SQLite or PostgreSQL.
//!
//! One method is one transaction, named after what it does. Rows of a tenant can be had only through a
//! [`TenantScope`](domain::access::TenantScope), rows of the provider only through a
//! [`ProviderScope`](domain::access::ProviderScope); the entities themselves are private.

use std::sync::Arc;

use domain::{clock::Clock, ids::IdSource};
use sea_orm::{DatabaseConnection, DatabaseTransaction};

pub use backend::Hold;
pub use database_url::DatabaseUrl;
pub use error::StoreError;
pub use page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest};

mod audit;
mod backend;
pub mod checkup;
mod database_url;
mod entity;
mod error;
pub mod identity;
mod migrate;
pub mod outbox;
mod page;
pub mod provider;
mod seal;
pub mod tenant;

/// The shared relay's and every tenant's data; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: backend::Backend,
    keyring: seal::Keyring,
    clock: Clock,
    ids: Arc<dyn IdSource>,
    lanes: outbox::lanes::Lanes,
    kept: outbox::context::Kept,
    news: outbox::news::News,
    usage: outbox::limits::Usage,
    lately: outbox::lately::Lately,
    remembered: outbox::handoff::Remembered,
    redrives: tokio::sync::Mutex<()>,
    depth: provider::depth::Kept,
    operations: tokio::sync::mpsc::Sender<outbox::writer::Operation>,
}

/// What a store is opened with.
pub struct StoreConfig {
    /// Where the data is.
    pub url: DatabaseUrl,
    /// What wraps every data key.
    pub master_key: domain::secret::Secret<[u8; 32]>,
    /// The process's clock.
    pub clock: Clock,
    /// The process's source of identifiers.
    pub ids: Arc<dyn IdSource>,
}

impl Store {
    /// Connects; the schema is looked at by [`Store::migrate`] or [`Store::require_current_schema`], which must come next.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the database does not answer, [`StoreError::Unsafe`] where it would lose what it
    /// has confirmed.
    pub async fn connect(config: StoreConfig) -> Result<Self, StoreError> {
        let backend = backend::Backend::connect(&config.url).await?;
        let keyring = seal::Keyring::new(&config.master_key)?;
        let (operations, waiting) = tokio::sync::mpsc::channel(outbox::writer::QUEUE);
        let news = outbox::news::News::of(domain::ids::NodeId::generate(&*config.ids).uuid());
        let inner = Arc::new(Inner {
            backend,
            keyring,
            clock: config.clock,
            ids: config.ids,
            lanes: outbox::lanes::Lanes::default(),
            kept: outbox::context::Kept::default(),
            news,
            usage: outbox::limits::Usage::default(),
            lately: outbox::lately::Lately::default(),
            remembered: outbox::handoff::Remembered::default(),
            redrives: tokio::sync::Mutex::default(),
            depth: provider::depth::Kept::default(),
            operations,
        });
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        for _ in 0..inner.backend.writers() {
            tokio::spawn(outbox::writer::run(Arc::downgrade(&inner), Arc::clone(&waiting)));
        }
        if !inner.backend.is_postgres() {
            let store = Arc::downgrade(&inner);
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(backend::CHECKPOINT_EVERY).await;
                    let Some(inner) = store.upgrade() else {
                        return;
                    };
                    inner.backend.checkpoint().await;
                }
            });
        }
        if let backend::Backend::Postgres { pool, .. } = &inner.backend {
            tokio::spawn(outbox::news::tell(Arc::downgrade(&inner), pool.clone()));
            tokio::spawn(outbox::news::hear(Arc::downgrade(&inner), pool.clone()));
        }
        Ok(Self { inner })
    }

    /// Whether the database answers; for readiness.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.read().ping().await?)
    }

    /// Takes the store for this process alone where it can have only one (SQLite); held until dropped.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process has it.
    pub fn hold(&self) -> Result<Hold, StoreError> {
        self.inner.backend.hold()
    }

    /// Whether several processes may share this store.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.inner.backend.is_postgres()
    }

    fn read(&self) -> &DatabaseConnection {
        self.inner.backend.read()
    }

    async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        self.inner.backend.begin().await
    }

    fn keyring(&self) -> &seal::Keyring {
        &self.inner.keyring
    }

    fn now(&self) -> domain::clock::Timestamp {
        self.inner.clock.now()
    }

    fn now_ms(&self) -> i64 {
        domain::clock::to_millis(self.now())
    }

    fn ids(&self) -> &dyn IdSource {
        &*self.inner.ids
    }
}
