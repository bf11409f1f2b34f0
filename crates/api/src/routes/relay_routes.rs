//! The shared relay's routes: smarthosts that take the Cloud tenants' mail.

use actix_web::{HttpResponse, delete, get, patch, post, web};
use domain::{
    connection::{Paused, Proof, Route},
    ids::RouteId,
    secret::ExposeSecret,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    paths::ItemPath,
    relay_route_input::{CreateRoute, PatchRoute, PauseRoute},
};
use crate::{
    access::ProviderAccess,
    body::Body,
    page::{List, PageQuery},
    problem::{Code, Problem},
    query::Query,
    wire::{IfMatch, etag, instant},
};

/// A route.
#[derive(Serialize, ToSchema)]
#[schema(as = Route)]
pub(crate) struct RouteBody {
    /// Its id.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
    /// Its name, unique among routes.
    #[schema(example = "smarthost-eu")]
    name: String,
    /// The server.
    #[schema(example = "smtp.relay.example")]
    email_server: String,
    /// Its port.
    #[schema(example = 587)]
    port: u16,
    /// `implicit_tls`, `starttls`, `starttls_optional` or `none`.
    #[schema(example = "starttls")]
    security: &'static str,
    /// The account.
    #[schema(example = "letterhead")]
    username: Option<String>,
    /// Whether a password is stored; it is never read.
    #[schema(example = true)]
    password_set: bool,
    /// Further trusted roots.
    #[schema(example = json!(null))]
    ca_certificate_pem: Option<String>,
    /// Connections a relay process keeps at most.
    #[schema(example = 10)]
    max_connections: u32,
    /// Messages a second that each relay process sends at most; null is no bound.
    #[schema(example = json!(null))]
    messages_per_second: Option<u32>,
    /// Lower goes first.
    #[schema(example = 0)]
    priority: i32,
    /// Share among routes of one priority.
    #[schema(example = 1)]
    weight: u32,
    /// Set while mail is kept from it.
    paused: Option<PausedBody>,
    /// Rises with every change; the `ETag`.
    #[schema(example = 1)]
    version: i64,
}

/// Why and since when mail is kept from a route.
#[derive(Serialize, ToSchema)]
#[schema(as = Paused)]
pub(crate) struct PausedBody {
    /// Since when.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    at: String,
    /// What the operator said.
    #[schema(example = "Maintenance")]
    reason: Option<String>,
}

impl From<Paused> for PausedBody {
    fn from(paused: Paused) -> Self {
        Self {
            at: instant(paused.at),
            reason: paused.reason,
        }
    }
}

impl From<Route> for RouteBody {
    fn from(route: Route) -> Self {
        let credentials = route.server.credentials.as_ref();
        Self {
            id: route.id.to_string(),
            name: route.name,
            email_server: route.server.host.to_string(),
            port: route.server.port,
            security: route.server.security.as_str(),
            password_set: credentials.is_some_and(|credentials| {
                matches!(&credentials.proof, Proof::Password(password) if !password.expose_secret().is_empty())
            }),
            username: credentials.map(|credentials| credentials.username.clone()),
            ca_certificate_pem: route.server.ca_certificate_pem,
            max_connections: route.max_connections,
            messages_per_second: route.messages_per_second,
            priority: route.priority,
            weight: route.weight,
            paused: route.paused.map(PausedBody::from),
            version: route.version,
        }
    }
}

pub(super) fn route_id(text: &str) -> Result<RouteId, Problem> {
    text.parse().map_err(|_| Problem::plain(Code::NotFound))
}

/// List the routes, newest first.
#[utoipa::path(
    operation_id = "relayRoutes.list", tag = "Relay",
    params(PageQuery),
    responses((status = 200, description = "A page of routes", body = List<RouteBody>))
)]
#[get("/v1/relay/routes")]
pub(crate) async fn list(access: ProviderAccess, query: Query) -> Result<web::Json<List<RouteBody>>, Problem> {
    let page = access.store().routes(query.read::<PageQuery>()?.request()).await?;
    Ok(web::Json(List::of(page, RouteBody::from)))
}

/// Create a route. Waiting mail may take it at once.
#[utoipa::path(
    operation_id = "relayRoutes.create", tag = "Relay",
    request_body = CreateRoute,
    responses((status = 201, description = "The new route", body = RouteBody))
)]
#[post("/v1/relay/routes")]
pub(crate) async fn create(access: ProviderAccess, body: Body) -> Result<HttpResponse, Problem> {
    let route = access
        .store()
        .create_route(body.read::<CreateRoute>().await?.checked()?)
        .await?;
    let location = format!("/v1/relay/routes/{}", route.id);
    Ok(HttpResponse::Created()
        .insert_header(("Location", location))
        .insert_header(etag(route.version))
        .json(RouteBody::from(route)))
}

/// Read a route.
#[utoipa::path(
    operation_id = "relayRoutes.read", tag = "Relay",
    params(ItemPath),
    responses((status = 200, description = "The route", body = RouteBody))
)]
#[get("/v1/relay/routes/{id}")]
pub(crate) async fn read(access: ProviderAccess, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(shown(access.store().route(route_id(&id)?).await?))
}

/// Change a route. The stored password is kept only while server, port, security, CA and user name stay as they are.
#[utoipa::path(
    operation_id = "relayRoutes.change", tag = "Relay",
    params(ItemPath),
    request_body = PatchRoute,
    responses((status = 200, description = "The route after the change", body = RouteBody))
)]
#[patch("/v1/relay/routes/{id}")]
pub(crate) async fn change(
    access: ProviderAccess,
    id: web::Path<String>,
    based_on: IfMatch,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let id = route_id(&id)?;
    let before = access.store().route(id).await?;
    let change = body.read::<PatchRoute>().await?.over(&before)?;
    Ok(shown(
        access
            .store()
            .change_route(id, change, based_on.0.or(Some(before.version)))
            .await?,
    ))
}

/// Delete a route. Waiting mail takes the others.
#[utoipa::path(
    operation_id = "relayRoutes.delete", tag = "Relay",
    params(ItemPath),
    responses((status = 204, description = "It is gone"))
)]
#[delete("/v1/relay/routes/{id}")]
pub(crate) async fn delete(access: ProviderAccess, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    access.store().delete_route(route_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Keep mail from a route.
#[utoipa::path(
    operation_id = "relayRoutes.pause", tag = "Relay",
    params(ItemPath),
    request_body = PauseRoute,
    responses((status = 200, description = "The route", body = RouteBody))
)]
#[post("/v1/relay/routes/{id}/pause")]
pub(crate) async fn pause(access: ProviderAccess, id: web::Path<String>, body: Body) -> Result<HttpResponse, Problem> {
    let id = route_id(&id)?;
    let paused = Paused {
        reason: body.read::<PauseRoute>().await?.reason.map(|reason| reason.0.0),
        at: access.api.clock.now(),
    };
    Ok(shown(access.store().set_route_paused(id, Some(paused)).await?))
}

/// Let mail take a route again.
#[utoipa::path(
    operation_id = "relayRoutes.resume", tag = "Relay",
    params(ItemPath),
    responses((status = 200, description = "The route", body = RouteBody))
)]
#[post("/v1/relay/routes/{id}/resume")]
pub(crate) async fn resume(access: ProviderAccess, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(shown(access.store().set_route_paused(route_id(&id)?, None).await?))
}

fn shown(route: Route) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(etag(route.version))
        .json(RouteBody::from(route))
}
