//! The provider's own API clients.

use actix_web::{HttpResponse, delete, get, post, web};
use deserr::Deserr;
use utoipa::ToSchema;

use super::{
    api_clients::{ApiClientBody, ApiClientWithSecretBody, client_id},
    paths::ItemPath,
};
use crate::{
    access::ProviderAccess,
    body::{Body, Faults, Parsed},
    page::{List, PageQuery},
    problem::Problem,
    query::Query,
    wire::Label,
};

/// An operator's client to be made; its role is `operator`.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreateOperatorClient {
    /// What people call it: 1 to 100 characters.
    #[schema(value_type = String, example = "Night shift", min_length = 1, max_length = 100)]
    name: Parsed<Label>,
}

/// List the provider's API clients, newest first.
#[utoipa::path(
    operation_id = "operatorClients.list", tag = "API clients",
    params(PageQuery),
    responses((status = 200, description = "A page of clients", body = List<ApiClientBody>))
)]
#[get("/v1/operator/api-clients")]
pub(crate) async fn list(access: ProviderAccess, query: Query) -> Result<web::Json<List<ApiClientBody>>, Problem> {
    let page = access.store().api_clients(query.read::<PageQuery>()?.request()).await?;
    Ok(web::Json(List::of(page, ApiClientBody::from)))
}

/// Create an operator's API client. The secret is in this answer and nowhere else.
#[utoipa::path(
    operation_id = "operatorClients.create", tag = "API clients",
    request_body = CreateOperatorClient,
    responses((status = 201, description = "The new client with its secret", body = ApiClientWithSecretBody))
)]
#[post("/v1/operator/api-clients")]
pub(crate) async fn create(access: ProviderAccess, body: Body) -> Result<HttpResponse, Problem> {
    let input: CreateOperatorClient = body.read().await?;
    let created = access.store().create_api_client(input.name.0.0).await?;
    let location = format!("/v1/operator/api-clients/{}", created.0.id);
    Ok(HttpResponse::Created()
        .insert_header(("Location", location))
        .json(ApiClientWithSecretBody::from(created)))
}

/// Delete an operator's API client. The last one cannot be deleted.
#[utoipa::path(
    operation_id = "operatorClients.delete", tag = "API clients",
    params(ItemPath),
    responses((status = 204, description = "It is gone"))
)]
#[delete("/v1/operator/api-clients/{id}")]
pub(crate) async fn delete(access: ProviderAccess, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    access.store().delete_api_client(client_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Give an operator's API client a new secret. The old one works for one hour more.
#[utoipa::path(
    operation_id = "operatorClients.rotate", tag = "API clients",
    params(ItemPath),
    responses((status = 200, description = "The client with its new secret", body = ApiClientWithSecretBody))
)]
#[post("/v1/operator/api-clients/{id}/rotate")]
pub(crate) async fn rotate(
    access: ProviderAccess,
    id: web::Path<String>,
) -> Result<web::Json<ApiClientWithSecretBody>, Problem> {
    let rotated = access.store().rotate_api_client(client_id(&id)?).await?;
    Ok(web::Json(rotated.into()))
}
