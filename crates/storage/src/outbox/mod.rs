//! The outbox: where accepted mail waits, who may attempt it, and what became of it.
//!
//! Everything that moves a delivery goes through one writer task (`writer`), which puts what is waiting into one
//! transaction: many submissions share one flush to disk, and on SQLite nothing ever waits for a second writer. A state
//! change is a conditional UPDATE that names the lease's epoch; no row changed means that the right was lost.

use domain::{branding::Provider, ids::NodeId, message::EventType, outbox};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use serde_json::Map;
use uuid::Uuid;

use crate::{Store, entity::event, error::StoreError};

mod claim;
mod crash;
mod node;
mod port;
mod settle;
mod submit;
mod sweep;
pub(crate) mod writer;

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
    fn shift(&self) -> Value {
        self.inner.clock.shift().num_milliseconds().into()
    }

    /// Now, by the database's clock.
    async fn database_now<C: ConnectionTrait>(&self, connection: &C) -> Result<i64, StoreError> {
        let sql = format!("SELECT {} AS now", now_sql(connection));
        let row = connection
            .query_one_raw(statement(connection, sql, [self.shift()]))
            .await?;
        Ok(row.ok_or(DbErr::RecordNotFound("now".to_owned()))?.try_get("", "now")?)
    }

    fn event(
        &self,
        delivery: (Uuid, Uuid, Option<Uuid>),
        event_type: EventType,
        at: i64,
        detail: Map<String, serde_json::Value>,
    ) -> event::ActiveModel {
        let (tenant_id, message_id, delivery_id) = delivery;
        event::Model {
            tenant_id,
            id: domain::ids::EventId::generate(self.ids()).uuid(),
            message_id,
            delivery_id,
            event_type: event_type.as_str().to_owned(),
            at,
            detail: serde_json::Value::Object(detail).to_string(),
        }
        .into()
    }
}

/// Makes mail due that waited for its configuration to be mended.
pub(crate) async fn release_held<C: ConnectionTrait>(connection: &C, now: i64) -> Result<(), StoreError> {
    let sql = "UPDATE deliveries SET due_at = $1, held_by = NULL WHERE held_by IS NOT NULL AND due_at IS NOT NULL";
    connection.execute_raw(statement(connection, sql, [now.into()])).await?;
    Ok(())
}

/// Erases what a two-factor message says once none of its deliveries can need it any more.
pub(crate) async fn erase_finished_code<C: ConnectionTrait>(
    connection: &C,
    tenant: Uuid,
    message: Uuid,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM message_bodies WHERE tenant_id = $1 AND message_id = $2 \
               AND EXISTS (SELECT 1 FROM messages m WHERE m.tenant_id = $1 AND m.id = $2 AND m.kind = 'two_factor_code') \
               AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant_id = $1 AND d.message_id = $2 \
               AND d.status IN ('scheduled', 'queued', 'sending', 'deferred', 'outcome_unknown'))";
    connection
        .execute_raw(statement(connection, sql, [tenant.into(), message.into()]))
        .await?;
    Ok(())
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
