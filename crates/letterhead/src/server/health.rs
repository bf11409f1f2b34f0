//! What this relay process's circuit breakers say, told to the store for the overview whenever it changes.

use std::{collections::HashMap, time::Duration};

use domain::{
    connection::RouteHealth,
    ids::{NodeId, RouteId},
};
use relay::transport::{Condition, RouteHealth as Breakers};
use storage::Store;
use tokio_util::sync::CancellationToken;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Tells until `stop`.
pub(super) async fn tell(store: Store, node: NodeId, breakers: Breakers, stop: CancellationToken) {
    let mut told = HashMap::new();
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        let now: HashMap<RouteId, RouteHealth> = breakers
            .all()
            .into_iter()
            .map(|(route, health)| (route, word(health.condition)))
            .collect();
        if now == told {
            continue;
        }
        // Tried again at the next look.
        match store.publish_route_health(node, &now).await {
            Ok(()) => told = now,
            Err(error) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the routes' health was not told"
            ),
        }
    }
}

const fn word(condition: Condition) -> RouteHealth {
    match condition {
        Condition::Closed => RouteHealth::Closed,
        Condition::HalfOpen => RouteHealth::HalfOpen,
        Condition::Open => RouteHealth::Open,
    }
}
