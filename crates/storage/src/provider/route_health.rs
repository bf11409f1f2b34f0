//! What the relay processes say of the routes: each publishes what its circuit breakers say, the worst word counts.

use std::collections::HashMap;

use domain::{
    clock::from_millis,
    connection::{Paused, RouteHealth},
    ids::{NodeId, RouteId},
    outbox::NODE_ALIVE,
};
use sea_orm::{ConnectionTrait, QueryOrder, Statement};

use super::{ProviderStore, routes::find_all};
use crate::{Store, entity::route, error::StoreError};

/// A route, and how it does.
#[derive(Debug, Clone)]
pub struct RouteStanding {
    /// Its id.
    pub id: RouteId,
    /// Its name.
    pub name: String,
    /// Set while mail is kept from it.
    pub paused: Option<Paused>,
    /// The worst that a live relay process says of it.
    pub health: RouteHealth,
}

impl Store {
    /// Says what a relay process's breakers say, in place of what it said before; for its heartbeat. What a process said
    /// counts as long as it lives.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn publish_route_health(
        &self,
        node: NodeId,
        health: &HashMap<RouteId, RouteHealth>,
    ) -> Result<(), StoreError> {
        let words: serde_json::Map<_, _> = health
            .iter()
            .map(|(route, health)| (route.to_string(), health.as_str().into()))
            .collect();
        let transaction = self.begin().await?;
        let sql = "UPDATE nodes SET routes_health = $1 WHERE id = $2";
        let values = [serde_json::Value::Object(words).to_string().into(), node.uuid().into()];
        let backend = transaction.get_database_backend();
        transaction
            .execute_raw(Statement::from_sql_and_values(backend, sql, values))
            .await?;
        Ok(transaction.commit().await?)
    }
}

impl ProviderStore<'_> {
    /// Every route and how it does, in the order in which mail takes them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn route_standings(&self) -> Result<Vec<RouteStanding>, StoreError> {
        let worst = self.worst_words().await?;
        let rows = find_all()
            .order_by_asc(route::Column::Priority)
            .order_by_asc(route::Column::Id)
            .all(self.store.read())
            .await?;
        let standing = |row: route::Model| RouteStanding {
            id: RouteId::new(row.id),
            name: row.name,
            paused: row.paused_at.map(|at| Paused {
                at: from_millis(at),
                reason: row.paused_reason,
            }),
            health: worst
                .get(&RouteId::new(row.id))
                .copied()
                .unwrap_or(RouteHealth::Unknown),
        };
        Ok(rows.into_iter().map(standing).collect())
    }

    async fn worst_words(&self) -> Result<HashMap<RouteId, RouteHealth>, StoreError> {
        let read = self.store.read();
        let oldest = self.store.database_now(read).await? - i64::try_from(NODE_ALIVE.as_millis()).unwrap_or(i64::MAX);
        let sql = "SELECT routes_health FROM nodes WHERE heartbeat_at > $1 AND routes_health IS NOT NULL";
        let backend = read.get_database_backend();
        let rows = read
            .query_all_raw(Statement::from_sql_and_values(backend, sql, [oldest.into()]))
            .await?;
        let mut worst = HashMap::new();
        for row in rows {
            let text: String = row.try_get("", "routes_health")?;
            for (route, health) in words(&text)? {
                let known = worst.entry(route).or_insert(health);
                *known = health.max(*known);
            }
        }
        Ok(worst)
    }
}

/// What one process said; a word that a newer program may know is passed over.
fn words(text: &str) -> Result<Vec<(RouteId, RouteHealth)>, StoreError> {
    let said: HashMap<String, String> =
        serde_json::from_str(text).map_err(|_| StoreError::Corrupt("health of the routes"))?;
    let word = |(route, word): (String, String)| {
        let health = RouteHealth::ALL.into_iter().find(|health| health.as_str() == word)?;
        Some((route.parse().ok()?, health))
    };
    Ok(said.into_iter().filter_map(word).collect())
}
