//! Relay processes: who lives, and what they hold.

use domain::{clock::from_millis, ids::NodeId, outbox::NODE_ALIVE};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{Node, statement};
use crate::{Store, error::StoreError};

#[derive(Debug, FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    started_at: i64,
    heartbeat_at: i64,
    leases: i64,
}

impl Store {
    /// Makes a relay process known; one that was there before takes its own place again, and what it held then is nobody's
    /// now. The caller sees to it that no two live processes have one identity.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn register_node(&self, id: NodeId, name: &str) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let now = self.database_now(&transaction).await?;
        let sql = "INSERT INTO nodes (id, name, started_at, heartbeat_at) VALUES ($1, $2, $3, $3) \
                   ON CONFLICT (id) DO UPDATE SET name = $2, started_at = $3, heartbeat_at = $3, \
                   routes_health = NULL";
        transaction
            .execute_raw(statement(
                &transaction,
                sql,
                [id.uuid().into(), name.into(), now.into()],
            ))
            .await?;
        let abandoned = "UPDATE deliveries SET lease_until = 0 WHERE lease_until IS NOT NULL AND lease_node = $1";
        transaction
            .execute_raw(statement(&transaction, abandoned, [id.uuid().into()]))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Takes a relay process off the list; it has ended in order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_node(&self, id: NodeId) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        transaction
            .execute_raw(statement(
                &transaction,
                "DELETE FROM nodes WHERE id = $1",
                [id.uuid().into()],
            ))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// The relay processes that live.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        let read = self.read();
        let now = self.database_now(read).await?;
        let sql = "SELECT n.id, n.name, n.started_at, n.heartbeat_at, \
                   (SELECT COUNT(*) FROM deliveries d WHERE d.lease_until IS NOT NULL AND d.lease_node = n.id) AS leases \
                   FROM nodes n WHERE n.heartbeat_at > $1 ORDER BY n.started_at";
        let oldest = now - i64::try_from(NODE_ALIVE.as_millis()).unwrap_or(i64::MAX);
        let rows = Row::find_by_statement(statement(read, sql, [oldest.into()]))
            .all(read)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| Node {
                id: NodeId::new(row.id),
                name: row.name,
                started_at: from_millis(row.started_at),
                heartbeat_at: from_millis(row.heartbeat_at),
                leases: u64::try_from(row.leases).unwrap_or_default(),
            })
            .collect())
    }
}
