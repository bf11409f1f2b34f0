//! The sweep: what dead processes and passing time left behind is put right.

use std::time::Duration;

use domain::{
    ids::NodeId,
    message::EventType,
    outbox::{LEASE, Lease},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult};
use serde_json::{Map, json};
use uuid::Uuid;

use super::{
    attempts, events,
    mark::with_leases,
    millis, now_sql,
    rows::{Now, Sql, Type, pieces},
    settle::{Standing, resend_at},
    statement,
};
use crate::{Store, error::StoreError, tenant::ON_OUTCOME_UNKNOWN};

/// Rows a sweep puts right in one transaction at most; the next one goes on.
const BATCH: i64 = 500;

#[derive(Debug, FromQueryResult)]
struct Swept {
    tenant_id: Uuid,
    id: Uuid,
    message_id: Uuid,
}

#[derive(Debug, FromQueryResult)]
struct Abandoned {
    tenant_id: Uuid,
    message_id: Uuid,
    id: Uuid,
    lease_epoch: i64,
}

impl Store {
    /// Leases that ran out, mail whose time did, answers too old to be asked for again.
    pub(super) async fn sweep(&self, unknown_delay: Duration) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let now = self.database_now(&transaction).await?;
        self.requeue_unmarked(&transaction, now).await?;
        self.doubt_marked(&transaction, now, unknown_delay).await?;
        self.expire(&transaction, now).await?;
        let old_keys = "DELETE FROM idempotency_keys WHERE created_at < $1";
        let values = [(now - super::submit::KEY_LIFE_MS).into()];
        transaction
            .execute_raw(statement(&transaction, old_keys, values))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// On a store that only one process can have, every lease at start-up is a dead one's.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn reclaim_every_lease(&self) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let sql = "UPDATE deliveries SET lease_until = 0 WHERE lease_until IS NOT NULL";
        transaction.execute_raw(statement(&transaction, sql, [])).await?;
        Ok(transaction.commit().await?)
    }

    /// No dot was written: nobody has the mail, so it goes at once.
    async fn requeue_unmarked(&self, transaction: &DatabaseTransaction, now: i64) -> Result<(), StoreError> {
        attempts::insert_abandoned(transaction, "dot_at IS NULL", now).await?;
        let sql = "UPDATE deliveries SET status = 'queued', due_at = $1, lease_until = NULL, lease_node = NULL, updated_at = $1 \
                   WHERE lease_until <= $1 AND status = 'sending' AND dot_at IS NULL";
        transaction
            .execute_raw(statement(transaction, sql, [now.into()]))
            .await?;
        Ok(())
    }

    /// A dot may have been written: what is known of it is that nobody knows.
    async fn doubt_marked(
        &self,
        transaction: &DatabaseTransaction,
        now: i64,
        unknown_delay: Duration,
    ) -> Result<(), StoreError> {
        attempts::insert_abandoned(transaction, "dot_at IS NOT NULL", now).await?;
        let sql = "SELECT tenant_id, message_id, id, lease_epoch FROM deliveries WHERE lease_until <= $1 AND status = 'sending' \
                   AND dot_at IS NOT NULL LIMIT $2";
        let found = Abandoned::find_by_statement(statement(transaction, sql, [now.into(), BATCH.into()]))
            .all(transaction)
            .await?;
        for row in found {
            let sql = format!(
                "UPDATE deliveries SET lease_until = NULL, lease_node = NULL, status = 'outcome_unknown', updated_at = $4 \
                 WHERE tenant_id = $1 AND message_id = $5 AND id = $2 AND lease_epoch = $3 AND status = 'sending' AND lease_until <= $4 \
                 RETURNING message_id, kind, expires_at, attempts, unknowns, {ON_OUTCOME_UNKNOWN}"
            );
            let values = [
                row.tenant_id.into(),
                row.id.into(),
                row.lease_epoch.into(),
                now.into(),
                row.message_id.into(),
            ];
            let standing = Standing::find_by_statement(statement(transaction, sql, values))
                .one(transaction)
                .await?;
            let Some(standing) = standing else {
                continue;
            };
            let due_at = resend_at(&standing, now, unknown_delay);
            let sql = "UPDATE deliveries SET due_at = $3, unknowns = unknowns + 1 \
                       WHERE tenant_id = $1 AND message_id = $4 AND id = $2";
            transaction
                .execute_raw(statement(
                    transaction,
                    sql,
                    [
                        row.tenant_id.into(),
                        row.id.into(),
                        due_at.into(),
                        row.message_id.into(),
                    ],
                ))
                .await?;
            let detail = Map::from_iter([(
                "error".to_owned(),
                json!("The relay process ended between the final dot and its reply."),
            )]);
            let of = (row.tenant_id, standing.message_id, Some(row.id));
            events::insert(transaction, &[self.event(of, EventType::OutcomeUnknown, now, detail)]).await?;
        }
        Ok(())
    }

    async fn expire(&self, transaction: &DatabaseTransaction, now: i64) -> Result<(), StoreError> {
        // What may have arrived is not called expired: it only stops being tried.
        let doubtful = "UPDATE deliveries SET due_at = NULL WHERE due_at IS NOT NULL AND expires_at <= $1 AND status = 'outcome_unknown'";
        transaction
            .execute_raw(statement(transaction, doubtful, [now.into()]))
            .await?;
        let sql = format!(
            "UPDATE deliveries SET status = 'expired', due_at = NULL, held_by = NULL, updated_at = $1 WHERE (tenant_id, message_id, id) IN \
             (SELECT tenant_id, message_id, id FROM deliveries WHERE due_at IS NOT NULL AND expires_at <= $1 LIMIT {BATCH}) \
             AND due_at IS NOT NULL RETURNING tenant_id, id, message_id"
        );
        let swept = Swept::find_by_statement(statement(transaction, sql, [now.into()]))
            .all(transaction)
            .await?;
        if swept.is_empty() {
            return Ok(());
        }
        let event = |row: &Swept| {
            let of = (row.tenant_id, row.message_id, Some(row.id));
            self.event(of, EventType::Expired, now, Map::new())
        };
        let expired: Vec<_> = swept.iter().map(event).collect();
        events::insert(transaction, &expired).await?;
        let mut finished = Vec::with_capacity(swept.len());
        for row in &swept {
            finished.push((row.tenant_id, row.message_id));
        }
        super::erase_finished_codes(transaction, &finished).await
    }

    /// Says that a process lives, and renews the leases that it holds.
    pub(super) async fn heartbeat(&self, node: NodeId, held: &[Lease]) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        for piece in pieces(&transaction, held) {
            renewal(&transaction, piece, self.running_now())
                .run(&transaction)
                .await?;
        }
        let now = now_sql(&transaction);
        let alive = format!("UPDATE nodes SET heartbeat_at = {now}, sent_last_minute = $3 WHERE id = $2");
        let sent = i64::try_from(self.inner.lately.last_minute()).unwrap_or(i64::MAX);
        transaction
            .execute_raw(statement(
                &transaction,
                alive,
                [self.shift(), node.uuid().into(), sent.into()],
            ))
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// Renews leases that have not run out. On PostgreSQL without waiting for who else works on one: this goes through them in
/// another order than the writers. A lease that is left out for that has several more heartbeats before its end.
fn renewal<C: ConnectionTrait>(connection: &C, leases: &[Lease], now: Now) -> Sql {
    with_leases(connection, leases)
        .text(", held AS (SELECT deliveries.tenant_id, deliveries.message_id, deliveries.id FROM v JOIN deliveries ")
        .text("ON deliveries.tenant_id = v.tenant_id AND deliveries.message_id = v.message_id AND deliveries.id = v.id ")
        .text("AND deliveries.lease_epoch = v.epoch WHERE deliveries.lease_until > ")
        .instant(now)
        .postgres(" FOR UPDATE OF deliveries SKIP LOCKED")
        .text(") UPDATE deliveries SET lease_until = ")
        .instant(now)
        .text(" + ")
        .value(millis(LEASE), Type::Int)
        .text(" FROM held WHERE deliveries.tenant_id = held.tenant_id AND deliveries.message_id = held.message_id ")
        .text("AND deliveries.id = held.id")
}
