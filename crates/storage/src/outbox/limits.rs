//! What the provider allows a tenant, kept at submission: a rate, a length of queue, a number a day. A refusal is always said,
//! never silent; what is refused changes nothing.
//!
//! The rate is a token bucket of this process: with several API processes a tenant can have as many times its rate. The queue
//! is counted up to its limit and then remembered for [`REMEMBERED`]; what this process accepts meanwhile is added. The number
//! a day (UTC) is a row, and exact.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::tenant::Limits;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::rows::{Sql, Type};
use crate::{Store, error::StoreError};

/// How long a count of a queue is good for.
const REMEMBERED: Duration = Duration::from_secs(1);
/// When a caller should come back that found the queue full.
const QUEUE_AGAIN: Duration = Duration::from_secs(10);
/// Tenants remembered at most; past it all are forgotten, which only lets more through for a moment.
const MOST: usize = 10_000;
const DAY_MS: i64 = 86_400_000;

/// What this process remembers of tenants that have limits.
#[derive(Default)]
pub(crate) struct Usage {
    buckets: Mutex<HashMap<Uuid, Bucket>>,
    queues: Mutex<HashMap<Uuid, Queue>>,
}

/// Messages that may be accepted now.
struct Bucket {
    tokens: f64,
    at: Instant,
}

struct Queue {
    waiting: u64,
    at: Instant,
}

impl Usage {
    /// Takes `count` messages from the bucket of a rate a minute, or says how long until it has them.
    fn take(&self, tenant: Uuid, rate: u32, count: usize) -> Result<(), Duration> {
        let (rate, now) = (f64::from(rate), Instant::now());
        // A batch larger than the whole bucket waits until the bucket is full.
        let wanted = f64::from(u32::try_from(count).unwrap_or(u32::MAX)).min(rate);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.clear();
        }
        let bucket = buckets.entry(tenant).or_insert(Bucket { tokens: rate, at: now });
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * rate / 60.0;
        bucket.tokens = (bucket.tokens + gained).min(rate);
        bucket.at = now;
        if bucket.tokens >= wanted {
            bucket.tokens -= wanted;
            return Ok(());
        }
        if rate == 0.0 {
            return Err(Duration::from_mins(1));
        }
        Err(Duration::from_secs_f64((wanted - bucket.tokens) * 60.0 / rate))
    }

    /// What is known to wait, if that was looked at a moment ago; `more` is added to it where it stays within the limit.
    fn add(&self, tenant: Uuid, limit: u64, more: u64) -> Option<bool> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues
            .get_mut(&tenant)
            .filter(|queue| queue.at.elapsed() < REMEMBERED)?;
        let fits = queue.waiting + more <= limit;
        if fits {
            queue.waiting += more;
        }
        Some(fits)
    }

    fn remember(&self, tenant: Uuid, waiting: u64) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= MOST {
            queues.clear();
        }
        let at = Instant::now();
        queues.insert(tenant, Queue { waiting, at });
    }
}

impl Store {
    /// Refuses what is over the tenant's rate or longest queue.
    pub(super) async fn check_limits(
        &self,
        tenant: Uuid,
        limits: &Limits,
        messages: usize,
        deliveries: usize,
    ) -> Result<(), StoreError> {
        let usage = &self.inner.usage;
        if let Some(most) = limits.max_queued {
            let (most, more) = (u64::from(most), u64::try_from(deliveries).unwrap_or(u64::MAX));
            let mut fits = usage.add(tenant, most, more) == Some(true);
            if !fits {
                // Unknown, or some may have been sent since: counted afresh before it is refused.
                usage.remember(tenant, self.queued(tenant, most).await?);
                fits = usage.add(tenant, most, more) == Some(true);
            }
            if !fits {
                return Err(StoreError::QuotaExceeded {
                    limit: "max_queued",
                    retry_after: QUEUE_AGAIN,
                });
            }
        }
        if let Some(rate) = limits.messages_per_minute {
            usage
                .take(tenant, rate, messages)
                .map_err(|retry_after| StoreError::RateLimited { retry_after })?;
        }
        Ok(())
    }

    /// How many of a tenant's deliveries wait, counted no further than the limit.
    async fn queued(&self, tenant: Uuid, limit: u64) -> Result<u64, StoreError> {
        let mut sql = Sql::new(self.read()).text("SELECT COUNT(*) AS waiting FROM (");
        for lane in domain::message::kind::Lane::ALL {
            sql = sql
                .text(if lane.rank() == 0 {
                    "SELECT 1 AS one"
                } else {
                    " UNION ALL SELECT 1"
                })
                .text(" FROM deliveries WHERE due_at IS NOT NULL AND lane = ")
                .value(i64::from(lane.rank()), Type::Int)
                .text(" AND tenant_id = ")
                .value(tenant, Type::Uuid);
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<Count> = sql
            .text(" LIMIT ")
            .value(limit, Type::Int)
            .text(") AS counted")
            .all(self.read())
            .await?;
        let waiting = rows.first().map_or(0, |row| row.waiting);
        Ok(u64::try_from(waiting).unwrap_or_default())
    }

    /// When the day (UTC) ends.
    pub(super) fn until_tomorrow(&self) -> Duration {
        let left = DAY_MS - self.now_ms().rem_euclid(DAY_MS);
        Duration::from_millis(u64::try_from(left).unwrap_or_default())
    }
}

#[derive(Debug, sea_orm::FromQueryResult)]
struct Count {
    waiting: i64,
}

/// Counts messages of a day; false, and nothing counted, where they would be too many.
pub(super) async fn count_today(
    transaction: &DatabaseTransaction,
    tenant: Uuid,
    (messages, limit): (usize, u32),
    now: i64,
) -> Result<bool, StoreError> {
    let messages = i64::try_from(messages).unwrap_or(i64::MAX);
    if messages > i64::from(limit) {
        return Ok(false);
    }
    let counted = Sql::new(transaction)
        .text("INSERT INTO daily_usage (tenant_id, day, messages) VALUES (")
        .value(tenant, Type::Uuid)
        .text(", ")
        .value(now.div_euclid(DAY_MS), Type::Int)
        .text(", ")
        .value(messages, Type::Int)
        .text(") ON CONFLICT (tenant_id) DO UPDATE SET day = excluded.day, messages = excluded.messages + ")
        .text("CASE WHEN daily_usage.day = excluded.day THEN daily_usage.messages ELSE 0 END ")
        .text("WHERE daily_usage.day <> excluded.day OR daily_usage.messages + excluded.messages <= ")
        .value(i64::from(limit), Type::Int)
        .run(transaction)
        .await?;
    Ok(counted.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_rate_and_says_when_there_is_more() {
        let usage = Usage::default();
        let tenant = Uuid::from_u128(1);
        assert!(usage.take(tenant, 60, 59).is_ok());
        assert!(usage.take(tenant, 60, 1).is_ok());
        let wait = usage.take(tenant, 60, 30).unwrap_err();
        assert!(
            wait > Duration::from_secs(25) && wait <= Duration::from_secs(30),
            "{wait:?}"
        );
        assert!(usage.take(Uuid::from_u128(2), 60, 1000).is_ok());
    }

    #[test]
    fn a_known_queue_grows_up_to_its_limit() {
        let usage = Usage::default();
        let tenant = Uuid::from_u128(1);
        assert_eq!(usage.add(tenant, 3, 1), None);
        usage.remember(tenant, 1);
        assert_eq!(usage.add(tenant, 3, 2), Some(true));
        assert_eq!(usage.add(tenant, 3, 1), Some(false));
    }
}
