//! Claims: leasing due deliveries to a relay process, in fair turns.
//!
//! Which tenants may have mail due is known beforehand (`lanes`), so that a claim goes straight to each tenant's oldest
//! rows: its cost does not depend on how much is queued, nor on how many tenants there are.
//!
//! Plans, the same for any number of rows (`EXPLAIN QUERY PLAN`, and `EXPLAIN` under the writers' settings):
//!
//! ```text
//! SQLite, for each tenant:
//!   SEARCH d USING COVERING INDEX deliveries_waiting (lane=? AND tenant_id=? AND due_at<?)
//!     CORRELATED SCALAR SUBQUERY: SEARCH t USING PRIMARY KEY (id=?)
//!   SEARCH deliveries USING PRIMARY KEY (tenant_id=? AND message_id=? AND id=?)
//! PostgreSQL, for all of them:
//!   CTE due: Nested Loop
//!     -> Nested Loop
//!          -> Function Scan on u
//!          -> Index Scan using tenants_id_edition_key on tenants t
//!     -> Limit -> LockRows -> Index Scan using deliveries_waiting on deliveries
//!          Index Cond: lane = $3 AND tenant_id = u.c0 AND due_at <= $4 AND expires_at > $5
//!   Nested Loop
//!     -> CTE Scan on due
//!     -> Index Scan using lean_deliveries_pkey on deliveries
//!          Index Cond: tenant_id = due.tenant_id AND message_id = due.message_id AND id = due.id
//! ```

use domain::{
    ids::{NodeId, TenantId},
    message::kind::Lane,
    outbox::{LEASE, Room},
    tenant::Edition,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult};
use uuid::Uuid;

use super::{
    handoff::Carried,
    lanes::Known,
    millis,
    rows::{Sql, Type, pieces},
    turns::Drawn,
    writer::Claim,
};
use crate::{Store, error::StoreError};

/// Looks for more tenants after some had less than thought.
const PASSES: usize = 4;

/// A leased delivery, not yet unsealed.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Claimed {
    pub(super) tenant_id: Uuid,
    pub(super) id: Uuid,
    pub(super) message_id: Uuid,
    pub(super) recipient: String,
    pub(super) recipient_name: Option<String>,
    pub(super) message_id_domain: String,
    pub(super) expires_at: i64,
    pub(super) attempts: i64,
    pub(super) unknowns: i64,
    pub(super) lease_epoch: i64,
    pub(super) lane: i64,
    /// What the message says, where this process has just accepted it.
    #[sea_orm(skip)]
    pub(super) carried: Option<Carried>,
}

/// What a lane of tenants is looked for with.
#[derive(Debug, FromQueryResult)]
struct Waiting {
    tenant_id: Uuid,
    limits: String,
    edition: String,
}

const DUE: &str = "WITH due(tenant_id, message_id, id) AS (";
const RETURNED: &str = " RETURNING deliveries.tenant_id, deliveries.id, deliveries.message_id, deliveries.recipient, \
                        deliveries.recipient_name, deliveries.message_id_domain, deliveries.expires_at, \
                        deliveries.attempts, deliveries.unknowns, deliveries.lease_epoch, deliveries.lane";

impl Store {
    /// Claims deliveries of a lane, as many as there is `room` for.
    pub(super) async fn claim_lane(
        &self,
        transaction: &DatabaseTransaction,
        claim: &Claim,
        mut room: Room,
        now: i64,
    ) -> Result<Vec<Claimed>, StoreError> {
        let lane = claim.lane;
        let lanes = &self.inner.lanes;
        let mut claimed: Vec<Claimed> = Vec::new();
        for _ in 0..PASSES {
            let drawn = lanes.draw(lane, room.clone());
            if drawn.is_empty() {
                break;
            }
            let found = claim_of(transaction, claim, &drawn, now).await?;
            let got = |drawn: &Drawn| {
                let of = |row: &&Claimed| row.tenant_id == drawn.turn.tenant;
                found.iter().filter(of).count()
            };
            for drawn in &drawn {
                room.take(TenantId::new(drawn.turn.tenant), drawn.edition, got(drawn));
            }
            let used_all = |drawn: &&Drawn| got(drawn) >= drawn.slots;
            lanes.put_back(lane, drawn.iter().rev().filter(used_all).map(|drawn| drawn.turn));
            claimed.extend(found);
            if room.most == 0 {
                break;
            }
        }
        Ok(claimed)
    }

    /// Looks through a lane for tenants that have mail due: one step of the index for each tenant, whatever is queued.
    pub(super) async fn look(&self, lane: Lane) -> Result<Vec<(Uuid, Known)>, StoreError> {
        let read = self.read();
        let now = self.database_now(read).await?;
        let rank = i64::from(lane.rank());
        let sql = Sql::new(read)
            .text("WITH RECURSIVE step(tenant_id) AS (SELECT * FROM (SELECT tenant_id FROM deliveries WHERE lane = ")
            .value(rank, Type::Int)
            .text(" AND due_at IS NOT NULL ORDER BY tenant_id LIMIT 1) AS first UNION ALL ")
            .text("SELECT (SELECT d.tenant_id FROM deliveries d WHERE d.lane = ")
            .value(rank, Type::Int)
            .text(" AND d.due_at IS NOT NULL AND d.tenant_id > step.tenant_id ORDER BY d.tenant_id LIMIT 1) ")
            .text("FROM step WHERE step.tenant_id IS NOT NULL) ")
            .text("SELECT t.id AS tenant_id, t.limits, t.edition FROM step JOIN tenants t ON t.id = step.tenant_id ")
            .text("WHERE t.suspended_at IS NULL AND EXISTS (SELECT 1 FROM deliveries w WHERE w.lane = ")
            .value(rank, Type::Int)
            .text(" AND w.tenant_id = t.id AND w.due_at <= ")
            .value(now, Type::Int)
            .text(")");
        let waiting: Vec<Waiting> = sql.all(read).await?;
        Ok(waiting
            .into_iter()
            .map(|row| {
                let known = Known {
                    weight: crate::provider::weight_of(&row.limits),
                    edition: row.edition.parse().unwrap_or(Edition::Cloud),
                };
                (row.tenant_id, known)
            })
            .collect())
    }
}

async fn claim_of(
    transaction: &DatabaseTransaction,
    claim: &Claim,
    drawn: &[Drawn],
    now: i64,
) -> Result<Vec<Claimed>, StoreError> {
    let mut claimed = Vec::new();
    match transaction.get_database_backend() {
        DbBackend::Postgres => {
            for piece in pieces(transaction, drawn) {
                let sql = Sql::new(transaction)
                    .text(DUE)
                    .text("SELECT d.tenant_id, d.message_id, d.id FROM (")
                    .rows(piece, [Type::Uuid, Type::Int], |drawn| {
                        [drawn.turn.tenant.into(), wanted(drawn).into()]
                    })
                    .text(") AS v(tenant_id, slots) JOIN tenants t ON t.id = v.tenant_id AND t.suspended_at IS NULL ")
                    .text("CROSS JOIN LATERAL (SELECT tenant_id, message_id, id FROM deliveries WHERE lane = ")
                    .value(i64::from(claim.lane.rank()), Type::Int)
                    .text(" AND tenant_id = v.tenant_id AND due_at <= ")
                    .value(now, Type::Int)
                    .text(" AND expires_at > ")
                    .value(now, Type::Int)
                    .text(" ORDER BY due_at LIMIT v.slots FOR UPDATE SKIP LOCKED) d");
                claimed.extend(lease(sql, claim.node, now).all(transaction).await?);
            }
        }
        DbBackend::MySql | DbBackend::Sqlite | _ => {
            for piece in pieces(transaction, drawn) {
                let mut sql = Sql::new(transaction).text(DUE);
                for (at, drawn) in piece.iter().enumerate() {
                    let between = if at == 0 { "" } else { " UNION ALL " };
                    sql = oldest_of(sql.text(between), drawn, claim.lane, now);
                }
                claimed.extend(lease(sql, claim.node, now).all(transaction).await?);
            }
        }
    }
    Ok(claimed)
}

/// One tenant's oldest due deliveries, as SQLite looks for them.
fn oldest_of(sql: Sql, drawn: &Drawn, lane: Lane, now: i64) -> Sql {
    sql.text("SELECT * FROM (SELECT d.tenant_id, d.message_id, d.id FROM deliveries d WHERE d.lane = ")
        .value(i64::from(lane.rank()), Type::Int)
        .text(" AND d.tenant_id = ")
        .value(drawn.turn.tenant, Type::Uuid)
        .text(" AND d.due_at <= ")
        .value(now, Type::Int)
        .text(" AND d.expires_at > ")
        .value(now, Type::Int)
        .text(" AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = d.tenant_id AND t.suspended_at IS NULL)")
        // A bare parameter there makes SQLite prepare the statement anew for each value.
        .text(" ORDER BY d.due_at LIMIT (0 + ")
        .value(wanted(drawn), Type::Int)
        .text("))")
}

/// The end of a claim, which makes the leases of what was found to be due.
fn lease(due: Sql, node: NodeId, now: i64) -> Sql {
    due.text(") UPDATE deliveries SET status = 'sending', due_at = NULL, held_by = NULL, dot_at = NULL, attempts = attempts + 1, ")
        .text("lease_epoch = lease_epoch + 1, lease_until = ")
        .value(now.saturating_add(millis(LEASE)), Type::Int)
        .text(", lease_node = ")
        .value(node.uuid(), Type::Uuid)
        .text(", updated_at = ")
        .value(now, Type::Int)
        .text(" FROM due WHERE deliveries.tenant_id = due.tenant_id AND deliveries.message_id = due.message_id ")
        .text("AND deliveries.id = due.id")
        .text(RETURNED)
}

fn wanted(drawn: &Drawn) -> i64 {
    i64::try_from(drawn.slots).unwrap_or(i64::MAX)
}
