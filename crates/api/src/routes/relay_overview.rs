//! The relay at a glance, for whoever is called at night.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{get, web};
use domain::message::kind::Lane;
use serde::Serialize;
use storage::provider::{Depth, LaneDepth, RouteStanding, TenantDepth, Throughput};
use utoipa::ToSchema;

use super::{nodes::NodeBody, relay_control::PauseBody, relay_routes::PausedBody};
use crate::{access::ProviderAccess, problem::Problem, wire::instant};

/// The relay at a glance.
#[derive(Serialize, ToSchema)]
pub(crate) struct RelayOverview {
    /// Set while the relay sends nothing.
    paused: Option<PauseBody>,
    /// When depth, ages and throughput were counted: seconds ago at most where not very much waits.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    as_of: String,
    /// What waits.
    depth: DepthBody,
    /// Since how many milliseconds the oldest of each lane has been due; null where nothing is due.
    oldest_age_ms: ByLane<Option<u64>>,
    /// What goes through.
    throughput: ThroughputBody,
    /// The routes, in the order in which mail takes them.
    routes: Vec<RouteStandingBody>,
    /// The relay processes that live.
    nodes: Vec<NodeBody>,
}

/// What waits.
#[derive(Serialize, ToSchema)]
#[schema(as = RelayDepth)]
#[expect(clippy::struct_field_names, reason = "the names of the contract")]
pub(crate) struct DepthBody {
    /// Deliveries that wait, by lane.
    by_lane: ByLane<u64>,
    /// Deliveries by status, of those that are not final.
    #[schema(value_type = BTreeMap<String, u64>, example = json!({"scheduled": 0, "queued": 3, "sending": 1, "deferred": 0, "outcome_unknown": 0}))]
    by_status: BTreeMap<&'static str, u64>,
    /// The 20 tenants with the most waiting, the most first.
    by_tenant: Vec<TenantDepthBody>,
}

/// A number for each lane.
#[derive(Serialize, ToSchema)]
pub(crate) struct ByLane<T> {
    /// Sign-in codes.
    urgent: T,
    /// Access requests.
    interactive: T,
    /// Notifications and system mail.
    background: T,
}

/// What waits of a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantDepth)]
pub(crate) struct TenantDepthBody {
    /// Its id.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    tenant: String,
    /// Its short name.
    #[schema(example = "acme")]
    slug: String,
    /// Its share among the tenants that have mail due.
    #[schema(example = 1)]
    weight: u32,
    /// Deliveries that wait.
    #[schema(example = 3)]
    waiting: u64,
    /// When the oldest was due, or will be.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    oldest_due_at: String,
}

/// What went through in the last minute.
#[derive(Serialize, ToSchema)]
#[schema(as = RelayThroughput)]
pub(crate) struct ThroughputBody {
    /// Messages accepted.
    #[schema(example = 120)]
    accepted_last_minute: u64,
    /// Deliveries that the next server took.
    #[schema(example = 118)]
    sent_last_minute: u64,
}

/// A route, and how it does.
#[derive(Serialize, ToSchema)]
#[schema(as = RouteStanding)]
pub(crate) struct RouteStandingBody {
    /// Its id.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
    /// Its name.
    #[schema(example = "smarthost-eu")]
    name: String,
    /// Set while mail is kept from it.
    paused: Option<PausedBody>,
    /// The worst that a live relay process says of it: `closed` (mail takes it), `half_open` (it failed and is being tried),
    /// `open` (it failed and is left alone), `unknown`.
    #[schema(example = "closed")]
    health: &'static str,
}

impl<T: Copy + Default> ByLane<T> {
    fn of(lanes: &[LaneDepth], number: impl Fn(&LaneDepth) -> T) -> Self {
        let of = |lane| lanes.iter().find(|depth| depth.lane == lane).map(&number);
        Self {
            urgent: of(Lane::Urgent).unwrap_or_default(),
            interactive: of(Lane::Interactive).unwrap_or_default(),
            background: of(Lane::Background).unwrap_or_default(),
        }
    }
}

impl From<&Depth> for DepthBody {
    fn from(depth: &Depth) -> Self {
        Self {
            by_lane: ByLane::of(&depth.lanes, |lane| lane.waiting),
            by_status: depth
                .statuses
                .iter()
                .map(|(status, count)| (status.as_str(), *count))
                .collect(),
            by_tenant: depth.tenants.iter().map(TenantDepthBody::from).collect(),
        }
    }
}

impl From<&TenantDepth> for TenantDepthBody {
    fn from(depth: &TenantDepth) -> Self {
        Self {
            tenant: depth.tenant.to_string(),
            slug: depth.slug.clone(),
            weight: depth.weight,
            waiting: depth.waiting,
            oldest_due_at: instant(depth.oldest_due_at),
        }
    }
}

impl From<Throughput> for ThroughputBody {
    fn from(throughput: Throughput) -> Self {
        Self {
            accepted_last_minute: throughput.accepted_last_minute,
            sent_last_minute: throughput.sent_last_minute,
        }
    }
}

impl From<RouteStanding> for RouteStandingBody {
    fn from(route: RouteStanding) -> Self {
        Self {
            id: route.id.to_string(),
            name: route.name,
            paused: route.paused.map(PausedBody::from),
            health: route.health.as_str(),
        }
    }
}

/// Read how the relay does: what waits, how long, what goes through, the routes and the processes.
#[utoipa::path(operation_id = "relayOverview.read", tag = "Relay", responses((status = 200, description = "The overview", body = RelayOverview)))]
#[get("/v1/relay/overview")]
pub(crate) async fn read(access: ProviderAccess) -> Result<web::Json<RelayOverview>, Problem> {
    let store = access.store();
    let depth = store.depth().await?;
    let state = store.relay_state().await?;
    Ok(web::Json(RelayOverview {
        paused: state.paused.map(PauseBody::from),
        as_of: instant(depth.as_of),
        depth: DepthBody::from(&*depth),
        oldest_age_ms: ByLane::of(&depth.lanes, |lane| lane.oldest_age.map(millis)),
        throughput: depth.throughput.into(),
        routes: store
            .route_standings()
            .await?
            .into_iter()
            .map(RouteStandingBody::from)
            .collect(),
        nodes: access
            .api
            .store
            .nodes()
            .await?
            .into_iter()
            .map(NodeBody::from)
            .collect(),
    }))
}

fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}
