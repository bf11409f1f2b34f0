//! Relay processes that live.

use actix_web::{get, web};
use serde::Serialize;
use storage::outbox::Node;
use utoipa::ToSchema;

use crate::{access::ProviderAccess, problem::Problem, wire::instant};

/// The relay processes that live; there are few, so the list has one page.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeList {
    /// The processes, oldest first.
    items: Vec<NodeBody>,
    /// Always null.
    next_cursor: Option<String>,
}

/// A relay process.
#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
pub(crate) struct NodeBody {
    /// Its id; the same after a restart on the same data directory.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
    /// The host it runs on.
    #[schema(example = "relay-1")]
    name: String,
    /// Since when.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    started_at: String,
    /// When it was last heard of.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    heartbeat_at: String,
    /// Deliveries it holds.
    #[schema(example = 12)]
    leases: u64,
}

impl From<Node> for NodeBody {
    fn from(node: Node) -> Self {
        Self {
            id: node.id.to_string(),
            name: node.name,
            started_at: instant(node.started_at),
            heartbeat_at: instant(node.heartbeat_at),
            leases: node.leases,
        }
    }
}

/// List the relay processes whose heartbeat is younger than 15 seconds.
#[utoipa::path(operation_id = "relayNodes.list", tag = "Relay", responses((status = 200, description = "The processes", body = NodeList)))]
#[get("/v1/relay/nodes")]
pub(crate) async fn list(access: ProviderAccess) -> Result<web::Json<NodeList>, Problem> {
    let nodes = access.api.store.nodes().await?;
    Ok(web::Json(NodeList {
        items: nodes.into_iter().map(NodeBody::from).collect(),
        next_cursor: None,
    }))
}
