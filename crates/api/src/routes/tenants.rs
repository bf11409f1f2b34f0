//! Tenants: the provider's list, and a tenant's own entry.

use actix_web::{HttpResponse, delete, get, patch, post, web};
use deserr::Deserr;
use domain::{
    address::DisplayName,
    branding::Branding,
    fault::Fault,
    tenant::{Edition, Limits, Slug, Tenant},
};
use serde::Serialize;
use storage::provider::{NewEdition, NewTenant, Purge, TenantChange};
use utoipa::{IntoParams, ToSchema};

use super::paths::TenantPath;
use crate::{
    access::{Access, ProviderAccess, TenantManagement, may},
    body::{Body, Bounded, Faults, Parsed, Patch},
    page::{List, PageQuery},
    problem::Problem,
    query::Query,
    wire::{IfMatch, Reason, etag, instant},
};

/// The largest limit that can be set.
const MOST: i64 = 1_000_000_000;

type LimitValue = Option<Bounded<0, MOST>>;
type Weight = Bounded<1, 100>;

/// What the provider allows a tenant; null is the deployment's default.
#[derive(Debug, Default, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct LimitsInput {
    /// Messages accepted a minute; default: no limit.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 600)]
    messages_per_minute: LimitValue,
    /// Messages accepted a day (UTC); default: no limit.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 100_000)]
    messages_per_day: LimitValue,
    /// Deliveries waiting at once; default: no limit.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 50_000)]
    max_queued: LimitValue,
    /// API requests a second; default: no limit.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 50)]
    requests_per_second: LimitValue,
    /// Test emails a minute; default 5.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 5)]
    test_emails_per_minute: LimitValue,
    /// Test emails a day (UTC); default 30.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 30)]
    test_emails_per_day: LimitValue,
    /// Two-factor codes to one recipient in 15 minutes; default 5.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 5)]
    codes_per_recipient_15min: LimitValue,
    /// Share of the relay among the tenants that have mail due, 1 to 100; default 1.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 1, minimum = 1, maximum = 100)]
    weight: Option<Weight>,
}

impl From<LimitsInput> for Limits {
    fn from(input: LimitsInput) -> Self {
        let limit = |value: LimitValue| value.and_then(|value| u32::try_from(value.0).ok());
        Self {
            messages_per_minute: limit(input.messages_per_minute),
            messages_per_day: limit(input.messages_per_day),
            max_queued: limit(input.max_queued),
            requests_per_second: limit(input.requests_per_second),
            test_emails_per_minute: limit(input.test_emails_per_minute),
            test_emails_per_day: limit(input.test_emails_per_day),
            codes_per_recipient_15min: limit(input.codes_per_recipient_15min),
            weight: input.weight.and_then(|weight| u32::try_from(weight.0).ok()),
        }
    }
}

/// A tenant to be made.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreateTenant {
    /// Its short name in paths: 1 to 63 of `a-z`, `0-9` and inner hyphens, not shaped like an id.
    #[schema(value_type = String, example = "acme", pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    slug: Parsed<Slug>,
    /// Its name for people: 1 to 64 characters; a Cloud tenant's first From name.
    #[schema(value_type = String, example = "Acme", min_length = 1, max_length = 64)]
    name: Parsed<DisplayName>,
    /// `cloud`: the provider's relay sends. `on_premises`: the tenant's own server sends.
    #[schema(value_type = String, example = "cloud")]
    edition: Parsed<Edition>,
    /// What it may do; absent is all defaults.
    #[deserr(default)]
    #[schema(nullable)]
    limits: Option<LimitsInput>,
}

/// A change of a tenant (RFC 7396 merge patch); absent members stay.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PatchTenant {
    /// A new name.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Acme Corporation")]
    name: Patch<Parsed<DisplayName>>,
    /// New limits; members that are absent stay, null ones become defaults.
    #[deserr(default)]
    #[schema(value_type = Option<LimitsInput>)]
    limits: Patch<PatchLimits>,
}

/// A change of limits.
#[derive(Debug, Default, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PatchLimits {
    #[deserr(default)]
    messages_per_minute: Patch<Bounded<0, MOST>>,
    #[deserr(default)]
    messages_per_day: Patch<Bounded<0, MOST>>,
    #[deserr(default)]
    max_queued: Patch<Bounded<0, MOST>>,
    #[deserr(default)]
    requests_per_second: Patch<Bounded<0, MOST>>,
    #[deserr(default)]
    test_emails_per_minute: Patch<Bounded<0, MOST>>,
    #[deserr(default)]
    test_emails_per_day: Patch<Bounded<0, MOST>>,
    #[deserr(default)]
    codes_per_recipient_15min: Patch<Bounded<0, MOST>>,
    #[deserr(default)]
    weight: Patch<Weight>,
}

impl PatchLimits {
    fn over(self, before: Limits) -> Limits {
        let limit = |patch: Patch<Bounded<0, MOST>>, before: Option<u32>| {
            let value = patch.over(before.map(|limit| Bounded(i64::from(limit))));
            value.and_then(|value| u32::try_from(value.0).ok())
        };
        let weight = self.weight.over(before.weight.map(|weight| Bounded(i64::from(weight))));
        Limits {
            messages_per_minute: limit(self.messages_per_minute, before.messages_per_minute),
            messages_per_day: limit(self.messages_per_day, before.messages_per_day),
            max_queued: limit(self.max_queued, before.max_queued),
            requests_per_second: limit(self.requests_per_second, before.requests_per_second),
            test_emails_per_minute: limit(self.test_emails_per_minute, before.test_emails_per_minute),
            test_emails_per_day: limit(self.test_emails_per_day, before.test_emails_per_day),
            codes_per_recipient_15min: limit(self.codes_per_recipient_15min, before.codes_per_recipient_15min),
            weight: weight.and_then(|weight| u32::try_from(weight.0).ok()),
        }
    }
}

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(crate) struct TenantBody {
    /// Its id.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
    /// Its short name.
    #[schema(example = "acme")]
    slug: String,
    /// Its name for people.
    #[schema(example = "Acme")]
    name: String,
    /// `cloud` or `on_premises`.
    #[schema(example = "cloud")]
    edition: String,
    /// What it may do.
    limits: LimitsBody,
    /// Set while the provider keeps it from sending.
    suspended: Option<SuspensionBody>,
    /// Rises with every change; the `ETag`.
    #[schema(example = 1)]
    version: i64,
    /// When it was made.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    created_at: String,
    /// When it was last changed.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    updated_at: String,
}

/// What a tenant may do; null is the deployment's default.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
pub(crate) struct LimitsBody {
    /// Messages accepted a minute.
    messages_per_minute: Option<u32>,
    /// Messages accepted a day (UTC).
    messages_per_day: Option<u32>,
    /// Deliveries waiting at once.
    max_queued: Option<u32>,
    /// API requests a second.
    requests_per_second: Option<u32>,
    /// Test emails a minute.
    test_emails_per_minute: Option<u32>,
    /// Test emails a day (UTC).
    test_emails_per_day: Option<u32>,
    /// Two-factor codes to one recipient in 15 minutes.
    codes_per_recipient_15min: Option<u32>,
    /// Share of the relay among the tenants that have mail due.
    weight: Option<u32>,
}

/// Why and since when a tenant may not send.
#[derive(Serialize, ToSchema)]
#[schema(as = Suspension)]
pub(crate) struct SuspensionBody {
    /// Since when.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    at: String,
    /// What the operator said.
    #[schema(example = "Unpaid since October")]
    reason: String,
}

impl From<Tenant> for TenantBody {
    fn from(tenant: Tenant) -> Self {
        let limits = tenant.limits;
        Self {
            id: tenant.id.to_string(),
            slug: tenant.slug.to_string(),
            name: tenant.name.to_string(),
            edition: tenant.edition.as_str().to_owned(),
            limits: LimitsBody {
                messages_per_minute: limits.messages_per_minute,
                messages_per_day: limits.messages_per_day,
                max_queued: limits.max_queued,
                requests_per_second: limits.requests_per_second,
                test_emails_per_minute: limits.test_emails_per_minute,
                test_emails_per_day: limits.test_emails_per_day,
                codes_per_recipient_15min: limits.codes_per_recipient_15min,
                weight: limits.weight,
            },
            suspended: tenant.suspended.map(|suspension| SuspensionBody {
                at: instant(suspension.at),
                reason: suspension.reason,
            }),
            version: tenant.version,
            created_at: instant(tenant.created_at),
            updated_at: instant(tenant.updated_at),
        }
    }
}

/// List the tenants, newest first.
#[utoipa::path(
    operation_id = "tenants.list", tag = "Tenants",
    params(PageQuery),
    responses((status = 200, description = "A page of tenants", body = List<TenantBody>))
)]
#[get("/v1/tenants")]
pub(crate) async fn list(access: ProviderAccess, query: Query) -> Result<web::Json<List<TenantBody>>, Problem> {
    let page = access.store().tenants(query.read::<PageQuery>()?.request()).await?;
    Ok(web::Json(List::of(page, TenantBody::from)))
}

/// Create a tenant. A Cloud tenant can send at once; an on-premises one starts unconfigured.
#[utoipa::path(
    operation_id = "tenants.create", tag = "Tenants",
    request_body = CreateTenant,
    responses((status = 201, description = "The new tenant", body = TenantBody))
)]
#[post("/v1/tenants")]
pub(crate) async fn create(access: ProviderAccess, body: Body) -> Result<HttpResponse, Problem> {
    let tenant = create_tenant(&access, body.read().await?).await?;
    let location = format!("/v1/tenants/{}", tenant.id);
    Ok(HttpResponse::Created()
        .insert_header(("Location", location))
        .insert_header(etag(tenant.version))
        .json(TenantBody::from(tenant)))
}

async fn create_tenant(access: &ProviderAccess, input: CreateTenant) -> Result<Tenant, Problem> {
    let (slug, name) = (input.slug.0, input.name.0);
    let edition = match input.edition.0 {
        Edition::OnPremises => NewEdition::OnPremises,
        Edition::Cloud => NewEdition::Cloud(Branding {
            from_address: access
                .api
                .provider
                .fallback_address(&slug)
                .map_err(|_| too_long_for_the_relay())?,
            from_name: Some(name.clone()),
        }),
    };
    let new = NewTenant {
        slug,
        name,
        edition,
        limits: input.limits.map(Limits::from).unwrap_or_default(),
    };
    Ok(access.store().create_tenant(new).await?)
}

fn too_long_for_the_relay() -> Problem {
    Problem::invalid(vec![
        Fault::too_long("Slug and relay domain together are too long for a mail domain.").at("/slug"),
    ])
}

/// Read a tenant.
#[utoipa::path(
    operation_id = "tenants.read", tag = "Tenants",
    params(TenantPath),
    responses((status = 200, description = "The tenant", body = TenantBody))
)]
#[get("/v1/tenants/{tenant}")]
pub(crate) async fn read(access: Access<may::ReadTenant>) -> Result<HttpResponse, Problem> {
    Ok(shown(access.store().tenant().await?))
}

/// Change a tenant's name or limits.
#[utoipa::path(
    operation_id = "tenants.change", tag = "Tenants",
    params(TenantPath),
    request_body = PatchTenant,
    responses((status = 200, description = "The tenant after the change", body = TenantBody))
)]
#[patch("/v1/tenants/{tenant}")]
pub(crate) async fn change(access: TenantManagement, based_on: IfMatch, body: Body) -> Result<HttpResponse, Problem> {
    let before = access.store().read_tenant(access.tenant.id()).await?;
    let patch: PatchTenant = body.read().await?;
    let mut faults = Faults::default();
    let name = patch.name.required("/name", &mut faults);
    if !faults.0.is_empty() {
        return Err(Problem::invalid(faults.0));
    }
    let change = TenantChange {
        name: name.map(|name| name.0),
        limits: match patch.limits {
            Patch::Absent => None,
            Patch::Null => Some(Limits::default()),
            Patch::Value(limits) => Some(limits.over(before.limits)),
        },
    };
    Ok(shown(
        access
            .store()
            .change_tenant(before.id, change, based_on.0.or(Some(before.version)))
            .await?,
    ))
}

/// What a deletion may take with it.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// `true`: delete also while mail is waiting, which is lost then.
    #[deserr(default)]
    #[param(value_type = Option<bool>, example = false)]
    purge: Option<Parsed<Flag>>,
}

/// `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    True,
    False,
}

impl std::str::FromStr for Flag {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        match text {
            "true" => Ok(Self::True),
            "false" => Ok(Self::False),
            _ => Err(Fault::invalid("One of true, false.")),
        }
    }
}

/// Delete a tenant and all it owns. Refused while mail is waiting, unless `purge=true`.
#[utoipa::path(
    operation_id = "tenants.delete", tag = "Tenants",
    params(TenantPath, DeleteQuery),
    responses((status = 204, description = "It is gone"))
)]
#[delete("/v1/tenants/{tenant}")]
pub(crate) async fn delete(access: TenantManagement, query: Query) -> Result<HttpResponse, Problem> {
    let purge = match query.read::<DeleteQuery>()?.purge.map(|purge| purge.0) {
        Some(Flag::True) => Purge::Waiting,
        Some(Flag::False) | None => Purge::Nothing,
    };
    access.store().delete_tenant(access.tenant.id(), purge).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Keep a tenant from submitting and sending. What waits is held, not lost; it still expires.
#[utoipa::path(
    operation_id = "tenants.suspend", tag = "Tenants",
    params(TenantPath),
    request_body = Reason,
    responses((status = 200, description = "The tenant", body = TenantBody))
)]
#[post("/v1/tenants/{tenant}/suspend")]
pub(crate) async fn suspend(access: TenantManagement, body: Body) -> Result<HttpResponse, Problem> {
    let reason = body.read::<Reason>().await?.reason.0.0;
    Ok(shown(access.store().suspend_tenant(access.tenant.id(), reason).await?))
}

/// Let a tenant submit and send again, beginning with what waited.
#[utoipa::path(
    operation_id = "tenants.resume", tag = "Tenants",
    params(TenantPath),
    responses((status = 200, description = "The tenant", body = TenantBody))
)]
#[post("/v1/tenants/{tenant}/resume")]
pub(crate) async fn resume(access: TenantManagement) -> Result<HttpResponse, Problem> {
    Ok(shown(access.store().resume_tenant(access.tenant.id()).await?))
}

fn shown(tenant: Tenant) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(etag(tenant.version))
        .json(TenantBody::from(tenant))
}
