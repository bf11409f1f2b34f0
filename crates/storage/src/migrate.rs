//! Bringing the schema to this program's version, once, however many processes start together.

use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::{Store, error::StoreError};

/// The key of PostgreSQL's advisory lock: "letterhd" in ASCII.
const MIGRATION_LOCK: i64 = 0x6c65_7474_6572_6864;

impl Store {
    /// Runs the migrations that are missing, under a lock, in one transaction; then opens or makes the provider's key.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooNew`] where a newer program was here; [`StoreError::WrongMasterKey`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        self.lock_schema(&transaction).await?;
        refuse_newer(&transaction).await?;
        Migrator::up(&transaction, None).await?;
        transaction.commit().await?;
        self.open_provider_key().await
    }

    /// Takes back every migration; the data is gone. For tests of the migrations.
    ///
    /// # Errors
    /// The database's refusal.
    pub async fn unmigrate(&self) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        self.lock_schema(&transaction).await?;
        Migrator::down(&transaction, None).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Accepts the schema as it is, or refuses; then opens the provider's key.
    ///
    /// # Errors
    /// [`StoreError::SchemaTooOld`] or [`StoreError::SchemaTooNew`] where it is not this program's.
    pub async fn require_current_schema(&self) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        refuse_newer(&transaction).await?;
        let pending = Migrator::get_pending_migrations(&transaction).await?;
        transaction.rollback().await?;
        if let Some(first) = pending.first() {
            return Err(StoreError::SchemaTooOld(first.name().to_owned()));
        }
        self.open_provider_key().await
    }

    /// Makes processes that start together take turns, until the transaction ends.
    pub(crate) async fn lock_schema(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        // On SQLite the transaction itself is the lock.
        if self.inner.backend.is_postgres() {
            transaction
                .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
                .await?;
        }
        Ok(())
    }
}

async fn refuse_newer(transaction: &DatabaseTransaction) -> Result<(), StoreError> {
    let known: Vec<String> = Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect();
    let applied = Migrator::get_migration_models(transaction).await?;
    match applied.into_iter().find(|row| !known.contains(&row.version)) {
        Some(stranger) => Err(StoreError::SchemaTooNew(stranger.version)),
        None => Ok(()),
    }
}
