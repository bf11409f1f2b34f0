//! Deleting a tenant: gone for everybody at once, its outbox row by row behind it.
//!
//! One short transaction deletes the tenant's own row, with which its slug is free, and nothing is accepted, claimed or shown
//! any more; it leaves a mark. What the outbox holds of the tenant, perhaps millions of rows, goes a step at a time, so that
//! others' mail is accepted in between. A process that dies over it leaves the mark, and whoever looks next goes on.
//!
//! The mark stays for a while: what was under way when the tenant went may yet write a row, which goes with the mark.

use std::{sync::Weak, time::Duration};

use domain::ids::TenantId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, Statement, Value,
};
use serde_json::json;
use uuid::Uuid;

use super::{ProviderStore, tenants::load};
use crate::{
    Inner, Store,
    audit::Entry,
    entity::{delivery, tenant},
    error::StoreError,
};

/// Rows of one transaction: some ten milliseconds of the writer's time.
const STEP: i64 = 1_000;
/// How often what was left is looked for, and how long a mark stays.
const EVERY: Duration = Duration::from_mins(1);
/// The outbox's tables and their keys. Deliveries first: what is written of one is written only while it is there.
const TABLES: [(&str, &str); 5] = [
    ("deliveries", "tenant_id, message_id, id"),
    ("attempts", "tenant_id, message_id, delivery_id, epoch"),
    ("events", "tenant_id, message_id, id"),
    ("messages", "tenant_id, id"),
    ("idempotency_keys", "tenant_id, operation, key_hash"),
];
/// A delivery that is not final, along the three indexes that have those. SQLite would rather go through all that the tenant
/// ever sent than through what is leased now, but for the way the last comparison is put.
const OPEN: &str = "SELECT 1 AS one FROM deliveries WHERE tenant_id = $1 AND lane IN (0, 1, 2) AND due_at IS NOT NULL \
                    UNION ALL SELECT 1 FROM deliveries WHERE tenant_id = $1 \
                    AND status IN ('scheduled', 'deferred', 'bounced', 'outcome_unknown') AND status <> 'bounced' \
                    UNION ALL SELECT 1 FROM deliveries WHERE lease_until IS NOT NULL AND NOT (tenant_id <> $1) LIMIT 1";

/// Whether waiting mail may be deleted with its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purge {
    /// It may.
    Waiting,
    /// A tenant with waiting mail stays.
    Nothing,
}

#[derive(Debug, FromQueryResult)]
struct Mark {
    tenant_id: Uuid,
    deleted_at: i64,
}

impl ProviderStore<'_> {
    /// Deletes a tenant and everything it owns. Where this ends early, [`Store::finish_deletions`] does the rest.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] while mail waits that may not be purged; [`StoreError::NotFound`].
    pub async fn delete_tenant(&self, id: TenantId, purge: Purge) -> Result<(), StoreError> {
        load(self.store.read(), id).await?;
        let waiting = self.count_open(id).await?;
        if waiting > 0 && purge == Purge::Nothing {
            return Err(not_final(waiting));
        }
        let transaction = self.store.begin().await?;
        #[expect(clippy::disallowed_methods, reason = "tenants are the provider's rows")]
        let deleted = tenant::Entity::delete_by_id(id.uuid()).exec(&transaction).await?;
        if deleted.rows_affected == 0 {
            return Err(StoreError::NotFound("tenant"));
        }
        // Looked at again now that nothing more can come.
        if purge == Purge::Nothing && has_open(&transaction, id.uuid()).await? {
            return Err(not_final(1));
        }
        self.store.leave_mark(&transaction, id.uuid()).await?;
        // Within the transaction, which on SQLite no group runs beside: the next one looks for its tenants again.
        self.store.inner.kept.forget();
        let detail = json!({ "purged": waiting });
        self.audit(&transaction, Entry::new("tenant.deleted", id, detail))
            .await?;
        transaction.commit().await?;
        self.store.wake();
        self.store.delete_outbox_of(id.uuid()).await
    }

    /// How many deliveries are not final, counted by a reader.
    async fn count_open(&self, id: TenantId) -> Result<u64, StoreError> {
        let open = ["scheduled", "queued", "sending", "deferred", "outcome_unknown"];
        #[expect(
            clippy::disallowed_methods,
            reason = "an operator counts inside one tenant, named in the filter"
        )]
        let waiting = delivery::Entity::find()
            .filter(delivery::Column::TenantId.eq(id.uuid()))
            .filter(delivery::Column::Status.is_in(open));
        Ok(waiting.count(self.store.read()).await?)
    }
}

impl Store {
    /// Goes on with deletions that somebody began, here or elsewhere.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: the next call goes on.
    pub async fn finish_deletions(&self) -> Result<(), StoreError> {
        let read = self.read();
        let marks = statement(
            read,
            "SELECT tenant_id, deleted_at FROM deleted_tenants ORDER BY deleted_at",
            [],
        );
        let every = i64::try_from(EVERY.as_millis()).unwrap_or(i64::MAX);
        for mark in Mark::find_by_statement(marks).all(read).await? {
            self.delete_outbox_of(mark.tenant_id).await?;
            if mark.deleted_at <= self.now_ms().saturating_sub(every) {
                self.take_mark(mark.tenant_id).await?;
            }
        }
        Ok(())
    }

    async fn leave_mark(&self, transaction: &DatabaseTransaction, tenant: Uuid) -> Result<(), StoreError> {
        let sql = "INSERT INTO deleted_tenants (tenant_id, deleted_at) VALUES ($1, $2)";
        let values = [tenant.into(), self.now_ms().into()];
        transaction.execute_raw(statement(transaction, sql, values)).await?;
        Ok(())
    }

    /// Takes the mark away, and what may have been written since the last step.
    async fn take_mark(&self, tenant: Uuid) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        crate::outbox::delete_all_of(&transaction, tenant).await?;
        let sql = "DELETE FROM deleted_tenants WHERE tenant_id = $1";
        transaction
            .execute_raw(statement(&transaction, sql, [tenant.into()]))
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn delete_outbox_of(&self, tenant: Uuid) -> Result<(), StoreError> {
        for (table, key) in TABLES {
            while self.delete_some(tenant, table, key).await? > 0 {}
        }
        Ok(())
    }

    /// One step: some rows of one table, in a transaction of their own.
    async fn delete_some(&self, tenant: Uuid, table: &str, key: &str) -> Result<u64, StoreError> {
        let transaction = self.begin().await?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            // One after the other, or two who delete the same could wait for each other.
            let turn = "SELECT 1 FROM deleted_tenants WHERE tenant_id = $1 FOR UPDATE";
            transaction
                .execute_raw(statement(&transaction, turn, [tenant.into()]))
                .await?;
        }
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE tenant_id = $1 LIMIT {STEP})"
        );
        let deleted = transaction
            .execute_raw(statement(&transaction, sql, [tenant.into()]))
            .await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected())
    }
}

/// Finishes deletions now and then, for as long as the store is there.
pub(crate) async fn run(store: Weak<Inner>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(inner) = store.upgrade() else {
            return;
        };
        let store = Store { inner };
        if let Err(error) = store.finish_deletions().await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a tenant's deletion was not finished; trying again"
            );
        }
    }
}

async fn has_open(transaction: &DatabaseTransaction, tenant: Uuid) -> Result<bool, StoreError> {
    let found = transaction
        .query_one_raw(statement(transaction, OPEN, [tenant.into()]))
        .await?;
    Ok(found.is_some())
}

fn not_final(waiting: u64) -> StoreError {
    StoreError::Conflict(format!(
        "The tenant has {waiting} deliveries that are not final; delete with purge=true to lose them."
    ))
}

fn statement<C: ConnectionTrait>(
    connection: &C,
    sql: impl Into<String>,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(connection.get_database_backend(), sql, values)
}
