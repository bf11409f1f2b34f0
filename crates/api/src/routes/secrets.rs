//! An on-premises tenant's vault: application secrets that are written and never read. A Cloud tenant has none.

use actix_web::{HttpResponse, delete, get, post, put, web};
use deserr::Deserr;
use domain::{
    access::ProviderManaged,
    clock::Timestamp,
    ids::VaultSecretId,
    vault::{Template, TemplateField, days_left},
};
use serde::Serialize;
use storage::{
    Page,
    tenant::{Vault, VaultSecret},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    email_settings::{Override, managed as refused_as_managed},
    paths::{TenantItemPath, TenantPath},
    secret_in_use,
    secret_input::{CreateSecret, ReplaceSecret},
};
use crate::{
    access::{Access, Caller, may},
    body::{Body, Faults, Parsed},
    page::{List, PageQuery},
    problem::{Code, Problem},
    query::Query,
    wire::{IfMatch, etag, instant},
};

/// What to replace a secret in spite of.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplaceSecretQuery {
    /// `untested`: replace it also where no test email covers the change and sign-in codes depend on it.
    #[deserr(default, rename = "override")]
    #[param(rename = "override", value_type = Option<String>, example = "untested")]
    overridden: Option<Parsed<Override>>,
}

/// A secret, without what is secret in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub(crate) struct SecretBody {
    /// Its id; email settings name it.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
    /// What people call it.
    #[schema(example = "Graph mailer")]
    name: String,
    /// What kind it is; see `GET /v1/secret-templates`.
    #[schema(example = "azure_application")]
    template: &'static str,
    /// Those of its fields that can be read.
    fields: SecretFieldsBody,
    /// Whether a client secret is stored; it is never read.
    #[schema(example = true)]
    client_secret_set: bool,
    /// When the stored client secret was given.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    client_secret_set_at: Option<String>,
    /// When the client secret ends, as whoever wrote it said.
    #[schema(example = "2028-01-31T00:00:00.000Z")]
    expires_at: Option<String>,
    /// Whole days until then, rounded down; negative once it has ended.
    #[schema(example = 729)]
    expires_in_days: Option<i64>,
    /// Whether it has ended.
    #[schema(example = false)]
    expired: bool,
    /// Rises with every change; the `ETag`.
    #[schema(example = 1)]
    version: i64,
    /// When it was made.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    created_at: String,
    /// By whom.
    #[schema(example = "ops")]
    created_by: String,
    /// When it was last changed.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    updated_at: String,
    /// By whom.
    #[schema(example = "ops")]
    updated_by: String,
}

/// The fields that can be read.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretFields)]
pub(crate) struct SecretFieldsBody {
    /// The Application (client) ID.
    #[schema(example = "6731de76-14a6-49ae-97bc-6eba6914391e")]
    client_id: String,
    /// The Directory (tenant) ID, or a domain name of the directory.
    #[schema(example = "72f988bf-86f1-41af-91ab-2d7cd011db47")]
    tenant_id: String,
}

impl SecretBody {
    fn of(secret: VaultSecret, now: Timestamp) -> Self {
        Self {
            id: secret.id.to_string(),
            name: secret.name,
            template: secret.template.as_str(),
            fields: SecretFieldsBody {
                client_id: secret.registration.client_id.to_string(),
                tenant_id: secret.registration.directory.to_string(),
            },
            client_secret_set: secret.client_secret_set_at.is_some(),
            client_secret_set_at: secret.client_secret_set_at.map(instant),
            expires_at: secret.expires_at.map(instant),
            expires_in_days: secret.expires_at.map(|at| days_left(at, now)),
            expired: secret.expires_at.is_some_and(|at| at <= now),
            version: secret.version,
            created_at: instant(secret.created_at),
            created_by: secret.created_by,
            updated_at: instant(secret.updated_at),
            updated_by: secret.updated_by,
        }
    }
}

/// A kind of secret.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretTemplate)]
pub(crate) struct TemplateBody {
    /// Its name in `template`.
    #[schema(example = "azure_application")]
    id: &'static str,
    /// Its name for people.
    #[schema(example = "Azure Application Registration")]
    name: &'static str,
    /// What it is for.
    #[schema(example = "An application registered in Microsoft Entra that may send mail through Microsoft Graph.")]
    description: &'static str,
    /// Its fields, in the order of a form.
    fields: Vec<TemplateFieldBody>,
}

/// A field of a kind of secret.
#[derive(Serialize, ToSchema)]
#[schema(as = SecretTemplateField)]
pub(crate) struct TemplateFieldBody {
    /// Its name in `fields`.
    #[schema(example = "client_id")]
    name: &'static str,
    /// Its name for people.
    #[schema(example = "Client ID")]
    label: &'static str,
    /// Whether it must be there.
    #[schema(example = true)]
    required: bool,
    /// Whether it is never read again.
    #[schema(example = false)]
    write_only: bool,
    /// What it looks like.
    #[schema(example = "The Application (client) ID, a GUID")]
    format: &'static str,
}

impl From<Template> for TemplateBody {
    fn from(template: Template) -> Self {
        let field = |field: &TemplateField| TemplateFieldBody {
            name: field.name,
            label: field.label,
            required: true,
            write_only: field.write_only,
            format: field.form,
        };
        Self {
            id: template.as_str(),
            name: template.label(),
            description: template.description(),
            fields: template.fields().iter().map(field).collect(),
        }
    }
}

/// List the kinds of secrets that a vault takes.
#[utoipa::path(
    operation_id = "secretTemplates.list", tag = "Secrets",
    responses((status = 200, description = "Every template", body = List<TemplateBody>))
)]
#[get("/v1/secret-templates")]
pub(crate) async fn templates(_: Caller) -> web::Json<List<TemplateBody>> {
    let page = Page {
        items: Template::ALL.to_vec(),
        next: None,
    };
    web::Json(List::of(page, TemplateBody::from))
}

/// List an on-premises tenant's secrets, newest first.
#[utoipa::path(
    operation_id = "secrets.list", tag = "Secrets",
    params(TenantPath, PageQuery),
    responses((status = 200, description = "A page of secrets", body = List<SecretBody>))
)]
#[get("/v1/tenants/{tenant}/secrets")]
pub(crate) async fn list(
    access: Access<may::ReadSettings>,
    query: Query,
    body: Body,
) -> Result<web::Json<List<SecretBody>>, Problem> {
    let (vault, _) = vault(&access, body).await?;
    let page = vault.secrets(query.read::<PageQuery>()?.request()).await?;
    let now = access.api.clock.now();
    Ok(web::Json(List::of(page, |secret| SecretBody::of(secret, now))))
}

/// Create a secret of an on-premises tenant. The client secret is sealed and never read again.
#[utoipa::path(
    operation_id = "secrets.create", tag = "Secrets",
    params(TenantPath),
    request_body = CreateSecret,
    responses((status = 201, description = "The new secret", body = SecretBody))
)]
#[post("/v1/tenants/{tenant}/secrets")]
pub(crate) async fn create(access: Access<may::WriteSettings>, body: Body) -> Result<HttpResponse, Problem> {
    let (vault, body) = vault(&access, body).await?;
    let secret = vault.create(body.read::<CreateSecret>().await?.into()).await?;
    let location = format!("/v1/tenants/{}/secrets/{}", access.scope.id(), secret.id);
    Ok(HttpResponse::Created()
        .insert_header(("Location", location))
        .insert_header(etag(secret.version))
        .json(SecretBody::of(secret, access.api.clock.now())))
}

/// Read a secret of an on-premises tenant, without what is secret in it.
#[utoipa::path(
    operation_id = "secrets.read", tag = "Secrets",
    params(TenantItemPath),
    responses((status = 200, description = "The secret", body = SecretBody))
)]
#[get("/v1/tenants/{tenant}/secrets/{id}")]
pub(crate) async fn read(
    access: Access<may::ReadSettings>,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (vault, _) = vault(&access, body).await?;
    let secret = vault.secret(secret_id(&path.1)?).await?;
    Ok(shown(&access, secret))
}

/// Replace a secret of an on-premises tenant. Without a client secret the stored one stays, as long as client id and
/// tenant id are the ones it was given for. Where the email settings use the secret and people sign in with codes by email,
/// another application is refused like an untested connection. Tests take saved secrets: make another secret, test settings
/// with it and save those, or replace this one with `?override=untested`. A client secret in use cannot be taken away.
#[utoipa::path(
    operation_id = "secrets.replace", tag = "Secrets",
    params(TenantItemPath, ReplaceSecretQuery),
    request_body = ReplaceSecret,
    responses(
        (status = 200, description = "The secret after the change", body = SecretBody),
        (status = 409, description = "The email settings use it, and no test email covers the change"),
        (status = 412, description = "The resource has changed since `If-Match`")
    )
)]
#[put("/v1/tenants/{tenant}/secrets/{id}")]
pub(crate) async fn replace(
    access: Access<may::WriteSettings>,
    path: web::Path<(String, String)>,
    query: Query,
    based_on: IfMatch,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (vault, body) = vault(&access, body).await?;
    let before = vault.secret(secret_id(&path.1)?).await?;
    let query: ReplaceSecretQuery = query.read()?;
    let change = ReplaceSecret::over(body.json().await?, &before)?;
    based_on.check(before.version)?;
    let overridden = query.overridden.map(|given| given.0);
    let edit = secret_in_use::check(&access, &before, &change, overridden).await?;
    let secret = vault.replace(before.id, change, edit).await?;
    Ok(shown(&access, secret))
}

/// Delete a secret of an on-premises tenant. One that the email settings use stays (409).
#[utoipa::path(
    operation_id = "secrets.delete", tag = "Secrets",
    params(TenantItemPath),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "The email settings use it"),
        (status = 412, description = "The resource has changed since `If-Match`")
    )
)]
#[delete("/v1/tenants/{tenant}/secrets/{id}")]
pub(crate) async fn delete(
    access: Access<may::WriteSettings>,
    path: web::Path<(String, String)>,
    based_on: IfMatch,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (vault, _) = vault(&access, body).await?;
    vault.delete(secret_id(&path.1)?, based_on.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The tenant's vault; or, for a Cloud tenant, a refusal with an entry for each member of the body.
async fn vault<P>(access: &Access<P>, body: Body) -> Result<(Vault<'_>, Body), Problem> {
    match access.store().vault() {
        Ok(vault) => Ok((vault, body)),
        Err(ProviderManaged) => Err(managed(body).await),
    }
}

async fn managed(body: Body) -> Problem {
    // What cannot be read has no members; it is refused all the same.
    refused_as_managed(&body.json().await.unwrap_or_default())
}

/// Ids in paths: what is none names nothing.
fn secret_id(text: &str) -> Result<VaultSecretId, Problem> {
    text.parse().map_err(|_| Problem::plain(Code::NotFound))
}

fn shown<P>(access: &Access<P>, secret: VaultSecret) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(etag(secret.version))
        .json(SecretBody::of(secret, access.api.clock.now()))
}
