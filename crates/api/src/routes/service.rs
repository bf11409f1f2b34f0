//! What watches the service, and its own description.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Api, Part, problem::Problem};

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether this process can do its part.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready` or `not_ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    store: &'static str,
    /// `ok`: a relay process lives; `silent`: none does. Fails readiness only where the relay runs in this process.
    #[schema(example = "ok")]
    relay: &'static str,
}

/// Tell that the process answers.
#[utoipa::path(operation_id = "health.read", tag = "Service", responses((status = 200, description = "It does", body = Health)))]
#[get("/healthz")]
pub(crate) async fn healthz() -> web::Json<Health> {
    web::Json(Health { status: "ok" })
}

/// Tell whether this process can do its part: the store answers, and the relay lives where it runs here.
#[utoipa::path(operation_id = "readiness.read", tag = "Service", responses((status = 200, description = "It can", body = Readiness), (status = 503, description = "It cannot, for now", body = Readiness)))]
#[get("/readyz")]
pub(crate) async fn readyz(api: web::Data<Api>) -> HttpResponse {
    let readiness = readiness(&api).await;
    if readiness.status == "ready" {
        HttpResponse::Ok().json(readiness)
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header(("Retry-After", "1"))
            .json(readiness)
    }
}

async fn readiness(api: &Api) -> Readiness {
    let nodes = api.store.nodes().await;
    let store = nodes.is_ok();
    let relay = nodes.is_ok_and(|nodes| !nodes.is_empty());
    let ready = match api.part {
        Part::Whole => store && relay,
        Part::ApiOnly => store,
    };
    Readiness {
        status: if ready { "ready" } else { "not_ready" },
        store: if store { "ok" } else { "unavailable" },
        relay: if relay { "ok" } else { "silent" },
    }
}

/// This API's description.
#[utoipa::path(operation_id = "document.read", tag = "Service", responses((status = 200, description = "An OpenAPI 3.1 document", body = Object, example = json!({"openapi": "3.1.0"}))))]
#[get("/openapi.json")]
pub(crate) async fn document() -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(crate::openapi::text()))
}
