//! The dot mark: the fence between what may be sent again and what a server may already have.

use std::collections::HashSet;

use domain::{
    message::{EventType, state::DeliveryStatus},
    outbox::{DOT_WITHIN, Fence, Lease},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult};
use serde_json::Map;
use uuid::Uuid;

use super::{
    events, millis,
    rows::{Now, Sql, Type, pieces},
};
use crate::{Store, error::StoreError};

/// A newer message of the same tenant, kind and key exists. The character that no key has keeps the index of keys from being
/// taken for the way to the message itself, which has one of its own.
const SUPERSEDED: &str = "EXISTS (SELECT 1 FROM messages m JOIN messages n ON n.tenant_id = m.tenant_id AND n.kind = m.kind \
                          AND n.supersede_key = COALESCE(m.supersede_key, '\u{1}') AND n.id > m.id \
                          WHERE m.tenant_id = deliveries.tenant_id AND m.id = deliveries.message_id)";

/// A lease that did what was asked.
#[derive(Debug, FromQueryResult)]
struct Held {
    tenant_id: Uuid,
    id: Uuid,
}

/// A delivery that was withdrawn instead of marked.
#[derive(Debug, FromQueryResult)]
struct Withdrawn {
    message_id: Uuid,
    status: String,
}

impl Store {
    /// Marks what is still wanted and still leased. The lease must outlast the time in which the dot may be written: whoever
    /// finds it run out knows that no dot is under way.
    pub(super) async fn mark_all(
        &self,
        transaction: &DatabaseTransaction,
        leases: &[Lease],
        now: i64,
    ) -> Result<Vec<Fence>, StoreError> {
        if write_marks(transaction, leases, Now::At(now)).await? {
            return Ok(vec![Fence::Open; leases.len()]);
        }
        let marked = marked(transaction, leases).await?;
        let mut fences = Vec::with_capacity(leases.len());
        for lease in leases {
            fences.push(if marked.contains(&(lease.tenant.uuid(), lease.delivery.uuid())) {
                Fence::Open
            } else {
                self.withdraw(transaction, *lease, now).await?
            });
        }
        Ok(fences)
    }

    /// Marks in a statement of their own, which is a transaction by itself: there and back once, not once for each of begin,
    /// clock, mark and commit. False where not all are to be had, and each must be looked at.
    pub(super) async fn mark_alone(&self, leases: &[Lease]) -> Result<bool, StoreError> {
        let now = if self.is_shared() {
            Now::Running {
                shift: self.inner.clock.shift().num_milliseconds(),
            }
        } else {
            Now::At(self.now_ms())
        };
        write_marks(self.inner.backend.writer(), leases, now).await
    }

    /// Settles what is too late or replaced; what is neither was lost to another process.
    async fn withdraw(&self, transaction: &DatabaseTransaction, lease: Lease, now: i64) -> Result<Fence, StoreError> {
        let sql = Sql::new(transaction)
            .text("UPDATE deliveries SET status = CASE WHEN expires_at <= ")
            .value(now, Type::Int)
            .text(" THEN 'expired' ELSE 'superseded' END, lease_until = NULL, lease_node = NULL, updated_at = ")
            .value(now, Type::Int)
            .text(" WHERE tenant_id = ")
            .value(lease.tenant.uuid(), Type::Uuid)
            .text(" AND message_id = ")
            .value(lease.message.uuid(), Type::Uuid)
            .text(" AND id = ")
            .value(lease.delivery.uuid(), Type::Uuid)
            .text(" AND lease_epoch = ")
            .value(lease.epoch, Type::Int)
            .text(" AND status = 'sending' AND lease_until > ")
            .value(now, Type::Int)
            .text(" AND (expires_at <= ")
            .value(now, Type::Int)
            .text(" OR ")
            .text(SUPERSEDED)
            .text(") RETURNING message_id, status");
        let Some(row) = sql.all::<Withdrawn, _>(transaction).await?.into_iter().next() else {
            return Ok(Fence::Lost);
        };
        let event_type = if row.status == DeliveryStatus::Expired.as_str() {
            EventType::Expired
        } else {
            EventType::Superseded
        };
        let tenant = lease.tenant.uuid();
        let of = (tenant, row.message_id, Some(lease.delivery.uuid()));
        events::insert(transaction, &[self.event(of, event_type, now, Map::new())]).await?;
        super::erase_finished_codes(transaction, &[(tenant, row.message_id)]).await?;
        Ok(Fence::Withdrawn)
    }

    /// Takes marks back whose dots were not written.
    pub(super) async fn unmark_all(
        &self,
        transaction: &DatabaseTransaction,
        leases: &[Lease],
    ) -> Result<(), StoreError> {
        for piece in pieces(transaction, leases) {
            with_leases(transaction, piece)
                .text("UPDATE deliveries SET dot_at = NULL FROM v WHERE deliveries.tenant_id = v.tenant_id ")
                .text("AND deliveries.message_id = v.message_id AND deliveries.id = v.id AND deliveries.lease_epoch = v.epoch AND deliveries.status = 'sending'")
                .run(transaction)
                .await?;
        }
        Ok(())
    }
}

/// Marks what is still wanted and still leased; whether that is all.
async fn write_marks<C: ConnectionTrait>(connection: &C, leases: &[Lease], now: Now) -> Result<bool, StoreError> {
    let within = millis(DOT_WITHIN);
    let mut count = 0;
    for piece in pieces(connection, leases) {
        let sql = with_leases(connection, piece)
            .text("UPDATE deliveries SET dot_at = ")
            .instant(now)
            .text(" FROM v WHERE deliveries.tenant_id = v.tenant_id AND deliveries.message_id = v.message_id ")
            .text("AND deliveries.id = v.id AND deliveries.lease_epoch = v.epoch ")
            .text("AND deliveries.status = 'sending' AND deliveries.lease_until > ")
            .instant(now)
            .text(" + ")
            .value(within, Type::Int)
            .text(" AND deliveries.expires_at > ")
            .instant(now)
            .text(" AND NOT ")
            .text(SUPERSEDED);
        count += sql.run(connection).await?.rows_affected();
    }
    Ok(count == u64::try_from(leases.len()).unwrap_or(u64::MAX))
}

/// Which of the leases have a mark.
async fn marked(transaction: &DatabaseTransaction, leases: &[Lease]) -> Result<HashSet<(Uuid, Uuid)>, StoreError> {
    let mut marked = HashSet::new();
    for piece in pieces(transaction, leases) {
        let sql = with_leases(transaction, piece)
            .text("SELECT d.tenant_id, d.id FROM v JOIN deliveries d ON d.tenant_id = v.tenant_id AND d.message_id = v.message_id AND d.id = v.id ")
            .text("AND d.lease_epoch = v.epoch WHERE d.status = 'sending' AND d.dot_at IS NOT NULL");
        let held: Vec<Held> = sql.all(transaction).await?;
        marked.extend(held.into_iter().map(|held| (held.tenant_id, held.id)));
    }
    Ok(marked)
}

/// `WITH v(tenant_id, message_id, id, epoch) AS (…)`.
pub(super) fn with_leases<C: ConnectionTrait>(connection: &C, leases: &[Lease]) -> Sql {
    Sql::new(connection)
        .text("WITH v(tenant_id, message_id, id, epoch) AS (")
        .rows(leases, [Type::Uuid, Type::Uuid, Type::Uuid, Type::Int], |lease| {
            [
                lease.tenant.uuid().into(),
                lease.message.uuid().into(),
                lease.delivery.uuid().into(),
                lease.epoch.into(),
            ]
        })
        .text(") ")
}
