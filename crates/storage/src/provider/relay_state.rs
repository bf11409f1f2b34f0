//! What every claim must know first: whether the relay is paused, and whether the routes it remembers are still right.
//!
//! A claim reads the one row of `relay_state` in its own transaction and keeps it locked (`FOR SHARE`) until it commits, so
//! that a pause or a change of a route, which change the row, wait for the claims in flight, and every later claim sees
//! them. Row locks that are shared let newcomers in before a writer that waits; a change therefore asks for the table first,
//! whose queue is fair, and it asks last, holding nothing that a claim could wait for. SQLite has one writer, so there the
//! order of transactions says it all.

use domain::{
    clock::{Timestamp, from_millis},
    connection::Paused,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};
use serde_json::json;

use super::ProviderStore;
use crate::{Store, audit::Entry, error::StoreError};

/// Whether the relay sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayState {
    /// Set while it does not.
    pub paused: Option<Paused>,
    /// Rises with every change of it, and of the routes.
    pub version: i64,
}

/// For a claim: the version of pause and routes, or none while the relay is paused. Until the end of the claim's transaction
/// neither changes.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub(crate) async fn version_unless_paused<C: ConnectionTrait>(connection: &C) -> Result<Option<i64>, StoreError> {
    let state = state(connection, Lock::Shared).await?;
    Ok(state.paused.is_none().then_some(state.version))
}

/// Says that a route changed: the last thing before the change's commit.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub(super) async fn routes_changed(transaction: &DatabaseTransaction) -> Result<(), StoreError> {
    wait_for_claims(transaction).await?;
    transaction
        .execute_unprepared("UPDATE relay_state SET version = version + 1 WHERE id = 1")
        .await?;
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lock {
    None,
    Shared,
}

async fn state<C: ConnectionTrait>(connection: &C, lock: Lock) -> Result<RelayState, StoreError> {
    let backend = connection.get_database_backend();
    let sql = match (backend, lock) {
        (DbBackend::Postgres, Lock::Shared) => {
            "SELECT paused_at, paused_reason, version FROM relay_state WHERE id = 1 FOR SHARE"
        }
        _ => "SELECT paused_at, paused_reason, version FROM relay_state WHERE id = 1",
    };
    let row = connection.query_one_raw(Statement::from_string(backend, sql)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("relay_state".to_owned()))?;
    let paused_at: Option<i64> = row.try_get("", "paused_at")?;
    let reason = row.try_get("", "paused_reason")?;
    Ok(RelayState {
        paused: paused_at.map(|at| Paused {
            at: from_millis(at),
            reason,
        }),
        version: row.try_get("", "version")?,
    })
}

impl Store {
    /// Whether the relay sends; for reading.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub(crate) async fn relay_state<C: ConnectionTrait>(&self, connection: &C) -> Result<RelayState, StoreError> {
        state(connection, Lock::None).await
    }
}

impl ProviderStore<'_> {
    /// Whether the relay sends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn relay_state(&self) -> Result<RelayState, StoreError> {
        self.store.relay_state(self.store.read()).await
    }

    /// Stops sending on every process. When this returns, no later claim commits; what was claimed before is finished. A
    /// relay that is paused stays so since when it was; a new reason takes the place of the old one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn pause_relay(&self, reason: String) -> Result<RelayState, StoreError> {
        self.set_paused(Some(reason)).await
    }

    /// Starts sending again, beginning with what waited; nothing happens where it was not stopped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn resume_relay(&self) -> Result<RelayState, StoreError> {
        let state = self.set_paused(None).await?;
        self.store.wake();
        Ok(state)
    }

    async fn set_paused(&self, reason: Option<String>) -> Result<RelayState, StoreError> {
        let transaction = self.store.begin().await?;
        wait_for_claims(&transaction).await?;
        let before = state(&transaction, Lock::None).await?;
        let after = changed(&before, reason, self.store.now());
        if after != before {
            let action = match &after.paused {
                Some(_) => "relay.paused",
                None => "relay.resumed",
            };
            let reason = after.paused.as_ref().and_then(|paused| paused.reason.clone());
            write(&transaction, &after).await?;
            self.audit(&transaction, Entry::new(action, "relay", json!({ "reason": reason })))
                .await?;
        }
        transaction.commit().await?;
        Ok(after)
    }
}

fn changed(before: &RelayState, reason: Option<String>, now: Timestamp) -> RelayState {
    let since = before.paused.as_ref().map_or(now, |paused| paused.at);
    let paused = reason.map(|reason| Paused {
        at: since,
        reason: Some(reason),
    });
    let version = before.version + i64::from(paused != before.paused);
    RelayState { paused, version }
}

async fn wait_for_claims(transaction: &DatabaseTransaction) -> Result<(), StoreError> {
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction
            .execute_unprepared("LOCK TABLE relay_state IN EXCLUSIVE MODE")
            .await?;
    }
    Ok(())
}

async fn write(transaction: &DatabaseTransaction, state: &RelayState) -> Result<(), StoreError> {
    let sql = "UPDATE relay_state SET paused_at = $1, paused_reason = $2, version = $3 WHERE id = 1";
    let paused = state.paused.as_ref();
    let values = [
        paused.map(|paused| domain::clock::to_millis(paused.at)).into(),
        paused.and_then(|paused| paused.reason.clone()).into(),
        state.version.into(),
    ];
    let backend = transaction.get_database_backend();
    transaction
        .execute_raw(Statement::from_sql_and_values(backend, sql, values))
        .await?;
    Ok(())
}
