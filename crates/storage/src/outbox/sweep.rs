//! The sweep: what dead processes and passing time left behind is put right.

use std::time::Duration;

use domain::{
    ids::{DeliveryId, MessageId, NodeId, TenantId},
    message::{EventType, state::DeliveryStatus},
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

/// Rows a sweep puts right in one transaction at most: the writers wait for it no longer than that.
const BATCH: usize = 500;

#[derive(Debug, FromQueryResult)]
struct Swept {
    tenant_id: Uuid,
    id: Uuid,
    message_id: Uuid,
    status: String,
}

#[derive(Debug, FromQueryResult)]
struct Abandoned {
    tenant_id: Uuid,
    message_id: Uuid,
    id: Uuid,
    lease_epoch: i64,
}

impl Abandoned {
    const fn lease(&self) -> Lease {
        Lease {
            tenant: TenantId::new(self.tenant_id),
            message: MessageId::new(self.message_id),
            delivery: DeliveryId::new(self.id),
            epoch: self.lease_epoch,
        }
    }
}

/// What a sweep puts right, in transactions of its own.
#[derive(Debug, Clone, Copy)]
enum Chore {
    /// Leases that ran out before a dot was written.
    Requeue,
    /// Leases that ran out after that.
    Doubt {
        /// How long until such mail may go once more.
        unknown_delay: Duration,
    },
    /// Mail whose time is up.
    Expire,
}

impl Store {
    /// Leases that ran out, mail whose time did, answers too old to be asked for again.
    pub(super) async fn sweep(&self, unknown_delay: Duration) -> Result<(), StoreError> {
        for chore in [Chore::Requeue, Chore::Doubt { unknown_delay }, Chore::Expire] {
            while self.sweep_some(chore).await? >= BATCH {}
        }
        let transaction = self.begin().await?;
        let now = self.database_now(&transaction).await?;
        let old_keys = "DELETE FROM idempotency_keys WHERE created_at < $1";
        let values = [(now - super::submit::KEY_LIFE_MS).into()];
        transaction
            .execute_raw(statement(&transaction, old_keys, values))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Does at most [`BATCH`] rows of a chore, and says how many there were.
    async fn sweep_some(&self, chore: Chore) -> Result<usize, StoreError> {
        let transaction = self.begin().await?;
        let now = self.database_now(&transaction).await?;
        let swept = match chore {
            Chore::Requeue => requeue_unmarked(&transaction, now).await?,
            Chore::Doubt { unknown_delay } => self.doubt_marked(&transaction, now, unknown_delay).await?,
            Chore::Expire => self.expire(&transaction, now).await?,
        };
        transaction.commit().await?;
        Ok(swept)
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

    /// A dot may have been written: what is known of it is that nobody knows.
    async fn doubt_marked(
        &self,
        transaction: &DatabaseTransaction,
        now: i64,
        unknown_delay: Duration,
    ) -> Result<usize, StoreError> {
        let found = abandoned(transaction, "dot_at IS NOT NULL", now).await?;
        for row in &found {
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
        Ok(found.len())
    }

    /// What may have arrived is not called expired: it only stops being tried.
    async fn expire(&self, transaction: &DatabaseTransaction, now: i64) -> Result<usize, StoreError> {
        let swept: Vec<Swept> = Sql::new(transaction)
            .text("WITH late AS (SELECT tenant_id, message_id, id FROM deliveries WHERE due_at IS NOT NULL AND expires_at <= ")
            .value(now, Type::Int)
            .text(&format!(" LIMIT {BATCH}"))
            .postgres(" FOR UPDATE SKIP LOCKED")
            .text(") UPDATE deliveries SET status = CASE WHEN status = 'outcome_unknown' THEN status ELSE 'expired' END, ")
            .text("updated_at = CASE WHEN status = 'outcome_unknown' THEN updated_at ELSE ")
            .value(now, Type::Int)
            .text(" END, due_at = NULL, held_by = NULL FROM late WHERE deliveries.tenant_id = late.tenant_id ")
            .text("AND deliveries.message_id = late.message_id AND deliveries.id = late.id ")
            .text("RETURNING deliveries.tenant_id, deliveries.id, deliveries.message_id, deliveries.status")
            .all(transaction)
            .await?;
        let (mut expired, mut finished) = (Vec::with_capacity(swept.len()), Vec::with_capacity(swept.len()));
        for row in &swept {
            if row.status == DeliveryStatus::Expired.as_str() {
                let of = (row.tenant_id, row.message_id, Some(row.id));
                expired.push(self.event(of, EventType::Expired, now, Map::new()));
                finished.push((row.tenant_id, row.message_id));
            }
        }
        events::insert(transaction, &expired).await?;
        super::erase_finished_codes(transaction, &finished).await?;
        Ok(swept.len())
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
        .text(
            "ON deliveries.tenant_id = v.tenant_id AND deliveries.message_id = v.message_id AND deliveries.id = v.id ",
        )
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

/// No dot was written: nobody has the mail, so it goes at once.
async fn requeue_unmarked(transaction: &DatabaseTransaction, now: i64) -> Result<usize, StoreError> {
    let found = abandoned(transaction, "dot_at IS NULL", now).await?;
    let leases: Vec<Lease> = found.iter().map(Abandoned::lease).collect();
    for piece in pieces(transaction, &leases) {
        with_leases(transaction, piece)
            .text("UPDATE deliveries SET status = 'queued', lease_until = NULL, lease_node = NULL, due_at = ")
            .value(now, Type::Int)
            .text(", updated_at = ")
            .value(now, Type::Int)
            .text(" FROM v WHERE deliveries.tenant_id = v.tenant_id AND deliveries.message_id = v.message_id ")
            .text("AND deliveries.id = v.id AND deliveries.lease_epoch = v.epoch AND deliveries.status = 'sending'")
            .run(transaction)
            .await?;
    }
    Ok(found.len())
}

/// Deliveries whose lease ran out, locked, as far as nobody else works on them; their attempts are put on record, before
/// anything about them is changed. `condition` says which.
async fn abandoned(transaction: &DatabaseTransaction, condition: &str, now: i64) -> Result<Vec<Abandoned>, StoreError> {
    let found: Vec<Abandoned> = Sql::new(transaction)
        .text("SELECT tenant_id, message_id, id, lease_epoch FROM deliveries WHERE lease_until <= ")
        .value(now, Type::Int)
        .text(" AND status = 'sending' AND ")
        .text(condition)
        .text(&format!(" LIMIT {BATCH}"))
        .postgres(" FOR UPDATE SKIP LOCKED")
        .all(transaction)
        .await?;
    let leases: Vec<Lease> = found.iter().map(Abandoned::lease).collect();
    attempts::insert_abandoned(transaction, &leases, now).await?;
    Ok(found)
}
