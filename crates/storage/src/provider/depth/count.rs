//! One count of what waits and of what went through.
//!
//! The plans on SQLite; PostgreSQL reads the table in parallel where nearly all of it waits, else the same indexes:
//!
//! ```text
//! SCAN deliveries USING COVERING INDEX deliveries_waiting
//! SEARCH deliveries USING COVERING INDEX deliveries_set_aside (status=?)
//! SEARCH deliveries USING COVERING INDEX deliveries_leased (lease_until>?)
//! SCAN t, for each: SEARCH m USING PRIMARY KEY (tenant_id=? AND id>?), SEARCH e USING PRIMARY KEY (tenant_id=? AND id>?)
//! ```

use std::{collections::HashMap, time::Duration};

use domain::{
    clock::from_millis,
    ids::TenantId,
    message::{kind::Lane, state::DeliveryStatus},
    outbox::NODE_ALIVE,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, Statement, Value};
use uuid::Uuid;

use super::{Depth, LaneDepth, TenantDepth, Throughput};
use crate::{Store, entity::tenant, error::StoreError, provider::weight_of};

/// Tenants that are named, those with the most waiting.
const TENANTS: usize = 20;
/// What throughput is counted over.
const MINUTE_MS: i64 = 60_000;
/// What the index `deliveries_set_aside` holds; it is used only by a statement that says so.
const SET_ASIDE: &str = "status IN ('scheduled', 'deferred', 'bounced', 'outcome_unknown')";

/// What waits of one tenant in one lane.
#[derive(Debug, FromQueryResult)]
struct Pile {
    lane: i64,
    tenant_id: Uuid,
    waiting: i64,
    oldest: i64,
}

impl Store {
    pub(super) async fn count(&self) -> Result<Depth, StoreError> {
        let read = self.read();
        let now = self.database_now(read).await?;
        let sql = "SELECT lane, tenant_id, COUNT(*) AS waiting, MIN(due_at) AS oldest FROM deliveries \
                   WHERE due_at IS NOT NULL GROUP BY lane, tenant_id";
        let piles = Pile::find_by_statement(Statement::from_string(read.get_database_backend(), sql))
            .all(read)
            .await?;
        Ok(Depth {
            as_of: from_millis(now),
            lanes: Lane::ALL.map(|lane| of_lane(lane, &piles, now)).into(),
            statuses: self.count_statuses(&piles).await?,
            tenants: self.count_tenants(&piles).await?,
            throughput: self.count_throughput(now).await?,
        })
    }

    /// What is queued is what waits without being set aside: nearly everything, so it is not counted a second time.
    async fn count_statuses(&self, piles: &[Pile]) -> Result<Vec<(DeliveryStatus, u64)>, StoreError> {
        let set_aside = async |status: DeliveryStatus| {
            let sql = format!("SELECT COUNT(*) AS n FROM deliveries WHERE {SET_ASIDE} AND status = $1");
            self.number(&sql, [status.as_str().into()]).await
        };
        let scheduled = set_aside(DeliveryStatus::Scheduled).await?;
        let deferred = set_aside(DeliveryStatus::Deferred).await?;
        let unknown = set_aside(DeliveryStatus::OutcomeUnknown).await?;
        let resent = format!(
            "SELECT COUNT(*) AS n FROM deliveries WHERE {SET_ASIDE} AND status = 'outcome_unknown' AND due_at IS NOT NULL"
        );
        let apart = scheduled + deferred + self.number(&resent, []).await?;
        let sending = "SELECT COUNT(*) AS n FROM deliveries WHERE lease_until IS NOT NULL";
        let all: u64 = piles.iter().map(|row| unsigned(row.waiting)).sum();
        Ok(vec![
            (DeliveryStatus::Scheduled, scheduled),
            (DeliveryStatus::Queued, all.saturating_sub(apart)),
            (DeliveryStatus::Sending, self.number(sending, []).await?),
            (DeliveryStatus::Deferred, deferred),
            (DeliveryStatus::OutcomeUnknown, unknown),
        ])
    }

    async fn count_tenants(&self, piles: &[Pile]) -> Result<Vec<TenantDepth>, StoreError> {
        let mut by_tenant: HashMap<Uuid, (u64, i64)> = HashMap::new();
        for row in piles {
            let (sum, oldest) = by_tenant.entry(row.tenant_id).or_insert((0, row.oldest));
            *sum += unsigned(row.waiting);
            *oldest = row.oldest.min(*oldest);
        }
        let mut most: Vec<_> = by_tenant.into_iter().collect();
        most.sort_unstable_by_key(|(tenant, (sum, _))| (std::cmp::Reverse(*sum), *tenant));
        most.truncate(TENANTS);
        #[expect(clippy::disallowed_methods, reason = "tenants are the provider's rows")]
        let rows = tenant::Entity::find()
            .filter(tenant::Column::Id.is_in(most.iter().map(|(tenant, _)| *tenant)))
            .all(self.read())
            .await?;
        let named: HashMap<Uuid, tenant::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
        let depth = |(tenant, (waiting, oldest))| {
            // One that was deleted since has nothing that waits.
            let row = named.get(&tenant)?;
            Some(TenantDepth {
                tenant: TenantId::new(tenant),
                slug: row.slug.clone(),
                weight: weight_of(&row.limits),
                waiting,
                oldest_due_at: from_millis(oldest),
            })
        };
        Ok(most.into_iter().filter_map(depth).collect())
    }

    /// Ids are time-ordered, so that a minute is a range of each tenant's keys.
    async fn count_throughput(&self, now: i64) -> Result<Throughput, StoreError> {
        // Ids are made by the machine's clock, which a test does not move.
        let since = now - self.inner.clock.shift().num_milliseconds() - MINUTE_MS;
        let first = first_id_of(since);
        let accepted = "SELECT CAST(COALESCE(SUM((SELECT COUNT(*) FROM messages m \
                        WHERE m.tenant_id = t.id AND m.id >= $1)), 0) AS BIGINT) AS n FROM tenants t";
        let oldest = now - i64::try_from(NODE_ALIVE.as_millis()).unwrap_or(i64::MAX);
        let sent = "SELECT CAST(COALESCE(SUM(sent_last_minute), 0) AS BIGINT) AS n FROM nodes WHERE heartbeat_at > $1";
        Ok(Throughput {
            accepted_last_minute: self.number(accepted, [first.into()]).await?,
            sent_last_minute: self.number(sent, [oldest.into()]).await?,
        })
    }

    async fn number(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, StoreError> {
        let read = self.read();
        let statement = Statement::from_sql_and_values(read.get_database_backend(), sql, values);
        let row = read.query_one_raw(statement).await?;
        let number: Option<i64> = row.map(|row| row.try_get("", "n")).transpose()?;
        Ok(number.map_or(0, unsigned))
    }
}

fn of_lane(lane: Lane, piles: &[Pile], now: i64) -> LaneDepth {
    let own = || piles.iter().filter(|row| row.lane == i64::from(lane.rank()));
    let age = own().map(|row| row.oldest).min().map(|oldest| now - oldest);
    LaneDepth {
        lane,
        waiting: own().map(|row| unsigned(row.waiting)).sum(),
        oldest_age: age.and_then(|age| u64::try_from(age).ok()).map(Duration::from_millis),
    }
}

/// The least UUIDv7 of an instant (RFC 9562 §5.7): its first 48 bits are milliseconds.
fn first_id_of(ms: i64) -> Uuid {
    Uuid::from_u128(u128::from(unsigned(ms)) << 80)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
