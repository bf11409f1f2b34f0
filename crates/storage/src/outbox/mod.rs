//! The outbox: where accepted mail waits, who may attempt it, and what became of it.
//!
//! Everything that moves a delivery goes through one writer task (`writer`), which puts what is waiting into one
//! transaction: many submissions share one flush to disk, and on SQLite nothing ever waits for a second writer. A state
//! change is a conditional UPDATE that names the lease's epoch; no row changed means that the right was lost.

use domain::{branding::Provider, ids::NodeId, outbox};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use uuid::Uuid;

use crate::{Store, error::StoreError};

pub(crate) mod attempts;
mod claim;
pub(crate) mod context;
mod crash;
mod events;
mod group;
pub(crate) mod handoff;
mod insert;
mod jobs;
pub(crate) mod lanes;
pub(crate) mod lately;
pub(crate) mod limits;
mod mark;
pub(crate) mod news;
mod node;
mod port;
mod rows;
mod settle;
mod submit;
mod sweep;
mod turns;
pub(crate) mod writer;

pub(crate) use submit::KEY_LIFE_MS;
pub use submit::{Idempotency, Submission, Submitted};

/// The outbox as the relay sees it, with what is needed to render a From.
#[derive(Clone)]
pub struct StoreOutbox {
    store: Store,
    provider: Provider,
    unknown_delay: std::time::Duration,
}

impl Store {
    /// The relay's side of the outbox. `unknown_delay` is how long a notification or system mail of unknown outcome waits
    /// before it goes once more.
    #[must_use]
    pub const fn outbox(self, provider: Provider, unknown_delay: std::time::Duration) -> StoreOutbox {
        StoreOutbox {
            store: self,
            provider,
            unknown_delay,
        }
    }
}

/// A statement with its values, in the text both databases understand (`$1`, `$2`, …).
fn statement<C: ConnectionTrait>(
    connection: &C,
    sql: impl Into<String>,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(connection.get_database_backend(), sql, values)
}

/// Now by the database's clock, moved by a test's shift: the SQL of it, with the shift as `$1`.
fn now_sql<C: ConnectionTrait>(connection: &C) -> String {
    format!(
        "({} + $1)",
        crate::backend::clock_sql(connection.get_database_backend())
    )
}

impl Store {
    /// Tells the workers of every process that settings changed or that there may be something to do.
    pub(crate) fn wake(&self) {
        self.look_around();
        self.inner.news.changed();
    }

    /// Forgets what this process knows and lets its workers look for themselves.
    fn look_around(&self) {
        self.inner.kept.forget();
        self.inner.lanes.wake();
    }

    fn shift(&self) -> Value {
        self.inner.clock.shift().num_milliseconds().into()
    }

    /// Now, by the database's clock.
    pub(crate) async fn database_now<C: ConnectionTrait>(&self, connection: &C) -> Result<i64, StoreError> {
        // The file's clock is this machine's.
        if !self.is_shared() {
            return Ok(self.now_ms());
        }
        let sql = format!("SELECT {} AS now", now_sql(connection));
        let row = connection
            .query_one_raw(statement(connection, sql, [self.shift()]))
            .await?;
        Ok(row.ok_or(DbErr::RecordNotFound("now".to_owned()))?.try_get("", "now")?)
    }
}

/// Makes mail of the shared relay due that waited for its routes to be mended.
pub(crate) async fn release_held<C: ConnectionTrait>(connection: &C, now: i64) -> Result<(), StoreError> {
    let sql = "UPDATE deliveries SET due_at = $1, held_by = NULL WHERE held_by IS NOT NULL AND due_at IS NOT NULL \
               AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = deliveries.tenant_id AND t.edition = 'cloud')";
    connection.execute_raw(statement(connection, sql, [now.into()])).await?;
    Ok(())
}

/// Makes mail of one tenant due that waited for its own connection to be mended.
pub(crate) async fn release_held_of<C: ConnectionTrait>(
    connection: &C,
    tenant: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE deliveries SET due_at = $1, held_by = NULL WHERE tenant_id = $2 AND held_by IS NOT NULL \
               AND due_at IS NOT NULL";
    let values = [now.into(), tenant.into()];
    connection.execute_raw(statement(connection, sql, values)).await?;
    Ok(())
}

/// Erases what two-factor messages say once none of their deliveries can need it any more; of others, nothing.
pub(crate) async fn erase_finished_codes<C: ConnectionTrait>(
    connection: &C,
    messages: &[(Uuid, Uuid)],
) -> Result<(), StoreError> {
    for piece in rows::pieces(connection, messages) {
        rows::Sql::new(connection)
            .text("WITH v(tenant_id, id) AS (")
            .rows(piece, [rows::Type::Uuid, rows::Type::Uuid], |(tenant, message)| {
                [(*tenant).into(), (*message).into()]
            })
            .text(") UPDATE messages SET sealed = NULL FROM v WHERE messages.tenant_id = v.tenant_id AND messages.id = v.id ")
            .text("AND messages.kind = 'two_factor_code' AND messages.sealed IS NOT NULL ")
            .text("AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant_id = messages.tenant_id AND d.message_id = messages.id ")
            .text("AND d.status IN ('scheduled', 'queued', 'sending', 'deferred', 'outcome_unknown'))")
            .run(connection)
            .await?;
    }
    Ok(())
}

/// The outbox's tables, which no foreign key ties to their tenant.
const TABLES: [&str; 5] = ["attempts", "events", "deliveries", "messages", "idempotency_keys"];

/// Deletes a tenant's whole outbox, once the tenant's own row is gone.
pub(crate) async fn delete_all_of<C: ConnectionTrait>(connection: &C, tenant: Uuid) -> Result<(), StoreError> {
    for table in TABLES {
        let sql = format!("DELETE FROM {table} WHERE tenant_id = $1");
        connection
            .execute_raw(statement(connection, sql, [tenant.into()]))
            .await?;
    }
    Ok(())
}

/// A span in the milliseconds that tables hold.
fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn unavailable(error: StoreError) -> outbox::OutboxError {
    outbox::OutboxError::Unavailable(Box::new(error))
}

/// A relay process as the store knows it.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// Its name: the host's, or what it was given.
    pub name: String,
    /// Since when.
    pub started_at: domain::clock::Timestamp,
    /// When it was last heard of.
    pub heartbeat_at: domain::clock::Timestamp,
    /// Deliveries it holds.
    pub leases: u64,
}
