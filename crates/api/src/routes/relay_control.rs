//! The relay as a whole: stopped and started.

use actix_web::{post, web};
use domain::connection::Paused;
use serde::Serialize;
use storage::provider::RelayState;
use utoipa::ToSchema;

use crate::{
    access::ProviderAccess,
    body::Body,
    problem::Problem,
    wire::{Reason, instant},
};

/// Whether the relay sends.
#[derive(Serialize, ToSchema)]
#[schema(as = RelayState)]
pub(crate) struct RelayStateBody {
    /// Set while it does not.
    paused: Option<PauseBody>,
    /// Rises with every change of it, and of the routes.
    #[schema(example = 2)]
    version: i64,
}

/// Why and since when the relay sends nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = RelayPause)]
pub(crate) struct PauseBody {
    /// What the operator said.
    #[schema(example = "The smarthost's provider is on fire")]
    reason: Option<String>,
    /// Since when.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    since: String,
}

impl From<Paused> for PauseBody {
    fn from(paused: Paused) -> Self {
        Self {
            reason: paused.reason,
            since: instant(paused.at),
        }
    }
}

impl From<RelayState> for RelayStateBody {
    fn from(state: RelayState) -> Self {
        Self {
            paused: state.paused.map(PauseBody::from),
            version: state.version,
        }
    }
}

/// Stop sending, on every relay process. Accepting goes on; what waits is held, not lost, and still expires. Once this is
/// answered, nothing more is taken up; what was being sent is finished.
#[utoipa::path(
    operation_id = "relay.pause", tag = "Relay",
    request_body = Reason,
    responses((status = 200, description = "The relay's state", body = RelayStateBody))
)]
#[post("/v1/relay/pause")]
pub(crate) async fn pause(access: ProviderAccess, body: Body) -> Result<web::Json<RelayStateBody>, Problem> {
    let reason = body.read::<Reason>().await?.reason.0.0;
    Ok(web::Json(access.store().pause_relay(reason).await?.into()))
}

/// Start sending again, beginning with what waited.
#[utoipa::path(
    operation_id = "relay.resume", tag = "Relay",
    responses((status = 200, description = "The relay's state", body = RelayStateBody))
)]
#[post("/v1/relay/resume")]
pub(crate) async fn resume(access: ProviderAccess) -> Result<web::Json<RelayStateBody>, Problem> {
    Ok(web::Json(access.store().resume_relay().await?.into()))
}
