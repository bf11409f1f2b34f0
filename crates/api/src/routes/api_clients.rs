//! A tenant's API clients.

use actix_web::{HttpResponse, delete, get, post, web};
use deserr::Deserr;
use domain::{
    access::Role,
    fault::{Fault, FaultCode},
    ids::ApiClientId,
    secret::{ExposeSecret, SecretText},
};
use serde::Serialize;
use storage::tenant::{ApiClient, NewApiClient};
use utoipa::ToSchema;

use super::paths::{TenantItemPath, TenantPath};
use crate::{
    access::{Access, may},
    body::{Body, Faults, Parsed},
    page::{List, PageQuery},
    problem::{Code, Problem},
    query::Query,
    wire::{Label, instant},
};

/// A client to be made.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreateApiClient {
    /// What people call it: 1 to 100 characters.
    #[schema(value_type = String, example = "PAM web front end", min_length = 1, max_length = 100)]
    name: Parsed<Label>,
    /// What it may do: one or more of `tenant_admin`, `tenant_auditor`, `sender`.
    #[schema(value_type = Vec<String>, example = json!(["sender"]), min_items = 1)]
    roles: Vec<Parsed<TenantRole>>,
}

/// A role that a tenant's own clients can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TenantRole(Role);

impl std::str::FromStr for TenantRole {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        text.parse()
            .ok()
            .filter(|role| Role::OF_TENANTS.contains(role))
            .map(Self)
            .ok_or_else(|| Fault::invalid("One of tenant_admin, tenant_auditor, sender."))
    }
}

/// An API client.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiClient)]
pub(crate) struct ApiClientBody {
    /// Its id.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
    /// What it calls itself at the token endpoint.
    #[schema(example = "lht_AZilxV1ecACAADxNXm96iwGYpcVdXnAAgAA8TV5veos")]
    client_id: String,
    /// What people call it.
    #[schema(example = "PAM web front end")]
    name: String,
    /// What it may do.
    #[schema(example = json!(["sender"]))]
    roles: Vec<String>,
    /// When it was made.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    created_at: String,
    /// By whom.
    #[schema(example = "ops")]
    created_by: String,
}

/// An API client with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiClientWithSecret)]
pub(crate) struct ApiClientWithSecretBody {
    #[serde(flatten)]
    client: ApiClientBody,
    /// The secret. It is kept as a hash only; note it now.
    #[schema(example = "lhs_0000000000000000000000000000000000000000000")]
    client_secret: String,
}

impl From<ApiClient> for ApiClientBody {
    fn from(client: ApiClient) -> Self {
        Self {
            id: client.id.to_string(),
            client_id: client.client_id,
            name: client.name,
            roles: client.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            created_at: instant(client.created_at),
            created_by: client.created_by,
        }
    }
}

impl From<(ApiClient, SecretText)> for ApiClientWithSecretBody {
    fn from((client, secret): (ApiClient, SecretText)) -> Self {
        Self {
            client: client.into(),
            client_secret: secret.expose_secret().to_owned(),
        }
    }
}

/// Ids in paths: what is none names nothing.
pub(crate) fn client_id(text: &str) -> Result<ApiClientId, Problem> {
    text.parse().map_err(|_| Problem::plain(Code::NotFound))
}

/// List a tenant's API clients, newest first.
#[utoipa::path(
    operation_id = "apiClients.list", tag = "API clients",
    params(TenantPath, PageQuery),
    responses((status = 200, description = "A page of clients", body = List<ApiClientBody>))
)]
#[get("/v1/tenants/{tenant}/api-clients")]
pub(crate) async fn list(
    access: Access<may::ManageClients>,
    query: Query,
) -> Result<web::Json<List<ApiClientBody>>, Problem> {
    let page = access.store().api_clients(query.read::<PageQuery>()?.request()).await?;
    Ok(web::Json(List::of(page, ApiClientBody::from)))
}

/// Create an API client of a tenant. The secret is in this answer and nowhere else.
#[utoipa::path(
    operation_id = "apiClients.create", tag = "API clients",
    params(TenantPath),
    request_body = CreateApiClient,
    responses((status = 201, description = "The new client with its secret", body = ApiClientWithSecretBody))
)]
#[post("/v1/tenants/{tenant}/api-clients")]
pub(crate) async fn create(access: Access<may::ManageClients>, body: Body) -> Result<HttpResponse, Problem> {
    let input: CreateApiClient = body.read().await?;
    if input.roles.is_empty() {
        return Err(Problem::invalid(vec![
            Fault::new(FaultCode::Required, "At least one role.").at("/roles"),
        ]));
    }
    let mut roles: Vec<Role> = input.roles.into_iter().map(|role| role.0.0).collect();
    roles.sort_unstable();
    roles.dedup();
    let created = access
        .store()
        .create_api_client(NewApiClient {
            name: input.name.0.0,
            roles,
        })
        .await?;
    let location = format!("/v1/tenants/{}/api-clients/{}", access.scope.id(), created.0.id);
    Ok(HttpResponse::Created()
        .insert_header(("Location", location))
        .json(ApiClientWithSecretBody::from(created)))
}

/// Delete an API client of a tenant. It gets no token any more.
#[utoipa::path(
    operation_id = "apiClients.delete", tag = "API clients",
    params(TenantItemPath),
    responses((status = 204, description = "It is gone"))
)]
#[delete("/v1/tenants/{tenant}/api-clients/{id}")]
pub(crate) async fn delete(
    access: Access<may::ManageClients>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    access.store().delete_api_client(client_id(&path.1)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Give an API client of a tenant a new secret. The old one works for one hour more.
#[utoipa::path(
    operation_id = "apiClients.rotate", tag = "API clients",
    params(TenantItemPath),
    responses((status = 200, description = "The client with its new secret", body = ApiClientWithSecretBody))
)]
#[post("/v1/tenants/{tenant}/api-clients/{id}/rotate")]
pub(crate) async fn rotate(
    access: Access<may::ManageClients>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<ApiClientWithSecretBody>, Problem> {
    let rotated = access.store().rotate_api_client(client_id(&path.1)?).await?;
    Ok(web::Json(rotated.into()))
}
