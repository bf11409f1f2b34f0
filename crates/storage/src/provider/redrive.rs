//! Redrive: failed deliveries of many messages, put back into the queue at once.
//!
//! What is to be put back is looked for by readers, along an index of what failed; the writer is only asked for small
//! groups of known rows, so that neither a million of them nor a long search keeps others from being accepted. What changed
//! since the redrive began is left alone, so that a delivery that fails again is not put back twice.
//!
//! Redrives take turns. The last transaction holds the caller's key: when a process dies before it, no
//! key is kept, and the same call again puts back what is left.
//!
//! The plan of the search on SQLite; PostgreSQL's is an index scan of the same index with the same conditions:
//!
//! ```text
//! SEARCH d USING INDEX deliveries_set_aside (status=? AND (tenant_id,id)>(?,?) AND tenant_id<?)
//! CORRELATED SCALAR SUBQUERY 1
//!   SEARCH m USING PRIMARY KEY (tenant_id=? AND id=?)
//! ```
//!
//! Left to itself SQLite makes a join of the subquery and sorts all that is left anew for each group.

use std::fmt::Write as _;

use domain::{
    clock::{Timestamp, to_millis},
    ids::{EventId, TenantId},
    message::{EventType, state::DeliveryStatus},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, Statement, Value};
use serde_json::json;
use tokio::sync::MutexGuard;
use uuid::Uuid;

use super::ProviderStore;
use crate::{
    audit::Entry,
    entity::event,
    error::StoreError,
    outbox::{Idempotency, Submitted},
};

/// Deliveries of one transaction: a few milliseconds of the writer's time.
const GROUP: i64 = 256;
/// The key of PostgreSQL's advisory lock: "lettrdrv" in ASCII.
const TURN: i64 = 0x6c65_7474_7264_7276;

/// Deliveries that can still be sent: in time, and with a body. What changed after `$2`, the beginning, is left alone.
const FAILED: &str = "d.status IN ('scheduled', 'deferred', 'bounced', 'outcome_unknown') \
                      AND d.status = $1 AND d.expires_at > $2 AND d.updated_at <= $2 AND d.updated_at >= $3 \
                      AND (d.tenant_id, d.id) > ($4, $5) AND d.tenant_id <= $6";
/// Of these, those whose message has its body.
const HAS_BODY: &str = "EXISTS (SELECT 1 FROM messages m \
                        WHERE m.tenant_id = d.tenant_id AND m.id = d.message_id AND m.sealed IS NOT NULL)";
/// The search for the next group.
const FIND: &str = "SELECT d.tenant_id, d.message_id, d.id FROM deliveries d WHERE {failed} \
                    ORDER BY d.tenant_id, d.id LIMIT $7";

/// Which deliveries to put back.
#[derive(Debug, Clone)]
pub struct Redrive {
    /// Of this tenant; of all where there is none.
    pub tenant: Option<TenantId>,
    /// In one of these states, of [`DeliveryStatus::REDRIVABLE`].
    pub statuses: Vec<DeliveryStatus>,
    /// That came into their state at this instant or later.
    pub since: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, FromQueryResult)]
struct Key {
    tenant_id: Uuid,
    message_id: Uuid,
    id: Uuid,
}

#[derive(Debug, FromQueryResult)]
struct Moved {
    tenant_id: Uuid,
    id: Uuid,
    message_id: Uuid,
}

/// One walk along the failed deliveries of a status.
struct Walk {
    status: DeliveryStatus,
    began: i64,
    since: i64,
    after: Key,
    last_tenant: Uuid,
}

impl ProviderStore<'_> {
    /// How many deliveries a redrive would put back now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_redrive(&self, redrive: &Redrive) -> Result<u64, StoreError> {
        let read = self.store.read();
        let began = self.store.database_now(read).await?;
        let mut count = 0;
        for status in &redrive.statuses {
            let walk = Walk::of(redrive, *status, began);
            let counted = walk.statement(read, "SELECT COUNT(*) AS n FROM deliveries d WHERE {failed}", []);
            let row = read.query_one_raw(counted).await?;
            let found: Option<i64> = row.map(|row| row.try_get("", "n")).transpose()?;
            count += found.and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
        }
        Ok(count)
    }

    /// Puts failed deliveries back, due now, and says how many. `answer` is what is kept under the caller's key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: some may be put back; the same call again puts back the rest.
    pub async fn redrive(
        &self,
        redrive: &Redrive,
        key: Option<Idempotency>,
        answer: impl FnOnce(u64) -> Vec<u8> + Send,
    ) -> Result<(Submitted, u64), StoreError> {
        let turn = Turn::take(self).await?;
        if let Some(key) = &key
            && let Some(earlier) = self.earlier_answer(self.store.read(), key).await?
        {
            return Ok((earlier, 0));
        }
        self.announce(redrive).await?;
        let began = self.store.database_now(self.store.read()).await?;
        let mut count = 0;
        for status in &redrive.statuses {
            count += self.walk(Walk::of(redrive, *status, began)).await?;
        }
        let (last, _turn) = turn.end(self).await?;
        if let Some(key) = key {
            let answer = answer(count);
            self.keep_answer(&last, &Idempotency { answer, ..key }).await?;
        }
        self.audit(&last, described("relay.redriven", redrive, Some(count)))
            .await?;
        last.commit().await?;
        Ok((Submitted::Stored, count))
    }

    /// Tells the audit log beforehand: what is put back by a process that dies must not go untold.
    async fn announce(&self, redrive: &Redrive) -> Result<(), StoreError> {
        let transaction = self.store.begin().await?;
        self.audit(&transaction, described("relay.redrive_began", redrive, None))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Puts back group after group of one status.
    async fn walk(&self, mut walk: Walk) -> Result<u64, StoreError> {
        let read = self.store.read();
        let mut count = 0;
        loop {
            let group = walk.statement(read, FIND, [GROUP.into()]);
            let group = Key::find_by_statement(group).all(read).await?;
            let Some(last) = group.last().copied() else {
                return Ok(count);
            };
            count += self.put_back(&walk, &group).await?;
            self.store.wake();
            walk.after = last;
        }
    }

    /// Moves a group into the queue, as far as it still is what it was found to be.
    async fn put_back(&self, walk: &Walk, group: &[Key]) -> Result<u64, StoreError> {
        let transaction = self.store.begin().await?;
        let mut sql = "UPDATE deliveries SET status = 'queued', due_at = $2, held_by = NULL, updated_at = $2 \
                       WHERE (tenant_id, message_id, id) IN (WITH g(tenant_id, message_id, id) AS (VALUES "
            .to_owned();
        let mut keys = Vec::with_capacity(group.len() * 3);
        for (n, key) in group.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(sql, "{comma}(${}, ${}, ${})", 7 + 3 * n, 8 + 3 * n, 9 + 3 * n);
            keys.extend([Value::from(key.tenant_id), key.message_id.into(), key.id.into()]);
        }
        sql.push_str(
            ") SELECT d.tenant_id, d.message_id, d.id FROM g CROSS JOIN deliveries d \
             WHERE d.tenant_id = g.tenant_id AND d.message_id = g.message_id AND d.id = g.id AND {failed}",
        );
        if transaction.get_database_backend() == DbBackend::Postgres {
            // Somebody who holds a row is changing it: it is theirs.
            sql.push_str(" FOR UPDATE OF d SKIP LOCKED");
        }
        sql.push_str(") RETURNING tenant_id, id, message_id");
        let moved = Moved::find_by_statement(walk.statement(&transaction, &sql, keys))
            .all(&transaction)
            .await?;
        self.record(&transaction, &moved, walk.began).await?;
        transaction.commit().await?;
        Ok(u64::try_from(moved.len()).unwrap_or_default())
    }

    async fn record(&self, transaction: &DatabaseTransaction, moved: &[Moved], at: i64) -> Result<(), StoreError> {
        if moved.is_empty() {
            return Ok(());
        }
        let detail = json!({ "by": self.scope.actor().subject }).to_string();
        let rows = moved.iter().map(|row| event::Model {
            tenant_id: row.tenant_id,
            id: EventId::generate(self.store.ids()).uuid(),
            message_id: row.message_id,
            delivery_id: Some(row.id),
            event_type: EventType::Retried.as_str().to_owned(),
            at,
            detail: detail.clone(),
        });
        let rows: Vec<event::ActiveModel> = rows.map(Into::into).collect();
        event::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await?;
        Ok(())
    }
}

impl Walk {
    fn of(redrive: &Redrive, status: DeliveryStatus, began: i64) -> Self {
        let tenant = redrive.tenant.map(domain::ids::Id::uuid);
        Self {
            status,
            began,
            since: redrive.since.map_or(0, to_millis),
            after: Key {
                tenant_id: tenant.unwrap_or(Uuid::nil()),
                message_id: Uuid::nil(),
                id: Uuid::nil(),
            },
            last_tenant: tenant.unwrap_or(Uuid::max()),
        }
    }

    /// A statement in which `{failed}` stands for [`FAILED`] and [`HAS_BODY`]; further values are numbered from `$7`.
    fn statement<C: ConnectionTrait>(
        &self,
        connection: &C,
        sql: &str,
        further: impl IntoIterator<Item = Value>,
    ) -> Statement {
        let mut values: Vec<Value> = vec![
            self.status.as_str().into(),
            self.began.into(),
            self.since.into(),
            self.after.tenant_id.into(),
            self.after.id.into(),
            self.last_tenant.into(),
        ];
        values.extend(further);
        let backend = connection.get_database_backend();
        let failed = match backend {
            DbBackend::Postgres => format!("{FAILED} AND {HAS_BODY}"),
            // What has a sign is looked up where it stands, and not made a join of.
            DbBackend::MySql | DbBackend::Sqlite | _ => format!("{FAILED} AND +{HAS_BODY}"),
        };
        Statement::from_sql_and_values(backend, sql.replace("{failed}", &failed), values)
    }
}

/// Being the only one that redrives: in this process by a mutex, among processes by a lock of PostgreSQL's.
struct Turn<'a> {
    here: MutexGuard<'a, ()>,
    everywhere: Option<DatabaseTransaction>,
}

impl<'a> Turn<'a> {
    async fn take(provider: &ProviderStore<'a>) -> Result<Self, StoreError> {
        let here = provider.store.inner.redrives.lock().await;
        let everywhere = if provider.store.is_shared() {
            let transaction = provider.store.begin().await?;
            transaction
                .execute_unprepared(&format!("SELECT pg_advisory_xact_lock({TURN})"))
                .await?;
            Some(transaction)
        } else {
            None
        };
        Ok(Self { here, everywhere })
    }

    /// The last transaction, and what to keep until it is committed.
    async fn end(self, provider: &ProviderStore<'a>) -> Result<(DatabaseTransaction, MutexGuard<'a, ()>), StoreError> {
        let last = match self.everywhere {
            Some(transaction) => transaction,
            None => provider.store.begin().await?,
        };
        Ok((last, self.here))
    }
}

fn described(action: &'static str, redrive: &Redrive, count: Option<u64>) -> Entry {
    let statuses: Vec<_> = redrive.statuses.iter().map(|status| status.as_str()).collect();
    let detail = json!({
        "tenant": redrive.tenant.map(|tenant| tenant.to_string()), "status": statuses,
        "since": redrive.since, "deliveries": count,
    });
    Entry::new(action, "relay", detail)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::{clock::Clock, ids::TimeOrderedIds, secret::Secret};

    use super::*;
    use crate::{DatabaseUrl, Store, StoreConfig};

    #[tokio::test]
    async fn sqlite_goes_along_the_index_and_sorts_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            url: DatabaseUrl::Sqlite(folder.path().join("l.db")),
            master_key: Secret::new(Box::new([7; 32])),
            clock: Clock::system(),
            ids: Arc::new(TimeOrderedIds),
        };
        let store = Store::connect(config).await.unwrap();
        store.migrate().await.unwrap();
        let everything = Redrive {
            tenant: None,
            statuses: Vec::new(),
            since: None,
        };
        let walk = Walk::of(&everything, DeliveryStatus::Bounced, 1);

        let explain = format!("EXPLAIN QUERY PLAN {FIND}");
        let plan = walk.statement(store.read(), &explain, [GROUP.into()]);
        let rows = store.read().query_all_raw(plan).await.unwrap();

        let steps: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
        assert!(steps[0].contains("d USING INDEX deliveries_set_aside"), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    }
}
