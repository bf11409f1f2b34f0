//! Email settings. A Cloud tenant has two fields, and naming any part of a connection is refused as a whole; an on-premises
//! tenant has its whole connection.

use actix_web::{HttpResponse, get, post, put, web};
use deserr::Deserr;
use domain::{access::ProviderManaged, connection::EmailSettings, fault::Fault, tenant::Edition};
use serde_json::Value;
use storage::tenant::{SettingsChange, SettingsVersion};
use utoipa::{IntoParams, ToSchema};

use super::{
    hardening::refuse_below,
    paths::{TenantPath, VersionPath},
    tenants::Flag,
};
use crate::{
    access::{Access, may},
    body::{Body, DEFAULT_LIMIT, Faults, Parsed, parse_json},
    page::{List, PageQuery},
    problem::{Code, Problem},
    query::Query,
    wire::IfMatch,
};

mod candidate;
mod cloud;
mod fields;
mod guard;
mod on_premises;
mod shown;

use cloud::CloudSettingsInput;
use on_premises::OnPremisesSettingsInput;
use shown::{EmailSettingsBody, PastSettingsBody, shown};

pub(crate) use candidate::parse_candidate;
pub(crate) use cloud::managed;
pub(crate) use guard::{Override, check as refuse_untested};
pub(crate) use shown::effective_from;

/// How often a change is made that others are faster than.
const ATTEMPTS: usize = 3;

/// Octets of an on-premises body: a CA bundle of the greatest length, escaped, and JSON around it.
const ON_PREMISES_LIMIT: usize = 192 * 1024;

/// A tenant's email settings, as its edition has them.
#[derive(ToSchema)]
#[schema(as = EmailSettingsInput)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "describes the body for the document; the edition decides how it is read"
)]
pub(crate) enum SettingsInput {
    /// A Cloud tenant's.
    Cloud(CloudSettingsInput),
    /// An on-premises tenant's.
    OnPremises(OnPremisesSettingsInput),
}

/// Whether to save, and what to save in spite of.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplaceQuery {
    /// `true`: the same checks and answer, nothing saved.
    #[deserr(default)]
    #[param(value_type = Option<bool>, example = false)]
    validate_only: Option<Parsed<Flag>>,
    /// `untested`: save also where no test email covers the change and sign-in codes depend on it.
    #[deserr(default, rename = "override")]
    #[param(rename = "override", value_type = Option<String>, example = "untested")]
    overridden: Option<Parsed<Override>>,
}

/// What to put a version back in spite of.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RestoreQuery {
    /// `untested`: put it back also where no test email covers the change and sign-in codes depend on it.
    #[deserr(default, rename = "override")]
    #[param(rename = "override", value_type = Option<String>, example = "untested")]
    overridden: Option<Parsed<Override>>,
}

/// Read a tenant's email settings.
#[utoipa::path(
    operation_id = "emailSettings.read", tag = "Email settings",
    params(TenantPath),
    responses((status = 200, description = "The settings", body = EmailSettingsBody))
)]
#[get("/v1/tenants/{tenant}/email-settings")]
pub(crate) async fn read(access: Access<may::ReadSettings>) -> Result<HttpResponse, Problem> {
    let settings = access.store().email_settings().await?;
    shown(&access, &settings).await
}

/// Replace a tenant's email settings. A Cloud tenant can write its From address and From name, and nothing else. An on-premises
/// tenant's stored password is kept only while server, port, security, CA and user name stay as they are.
#[utoipa::path(
    operation_id = "emailSettings.replace", tag = "Email settings",
    params(TenantPath, ReplaceQuery),
    request_body = SettingsInput,
    responses((status = 200, description = "The settings after the change", body = EmailSettingsBody))
)]
#[put("/v1/tenants/{tenant}/email-settings")]
pub(crate) async fn replace(
    access: Access<may::WriteSettings>,
    query: Query,
    based_on: IfMatch,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let query: ReplaceQuery = query.read()?;
    let limit = body_limit(access.scope.edition());
    let input = parse_json(&body.bytes("application/json", limit).await?)?;
    let after = settled(&based_on, async || {
        replaced(&access, &query, &based_on, input.clone()).await
    })
    .await?;
    shown(&access, &after).await
}

/// The settings after a change that is made of those now in force: what it keeps, such as a password, is theirs.
async fn replaced<P>(
    access: &Access<P>,
    query: &ReplaceQuery,
    based_on: &IfMatch,
    input: Value,
) -> Result<SettingsVersion, Problem> {
    let before = access.store().email_settings().await?;
    let settings = candidate::resolve(access, input, &before.settings).await?;
    based_on.check(before.version)?;
    refuse_below(access, &settings, &before).await?;
    let overridden = query.overridden.as_ref().map(|given| given.0);
    let untested = guard::check(access, (&before.settings, &settings), overridden).await?;
    if query.validate_only.as_ref().is_some_and(|flag| flag.0 == Flag::True) {
        return Ok(SettingsVersion {
            settings,
            unusable: None,
            ..before
        });
    }
    let change = SettingsChange {
        based_on: Some(before.version),
        restores: None,
        untested,
    };
    save(access, &settings, change).await
}

/// Makes a change anew where somebody else was faster, as long as the caller did not say what it is based on.
async fn settled(
    based_on: &IfMatch,
    change: impl AsyncFn() -> Result<SettingsVersion, Problem>,
) -> Result<SettingsVersion, Problem> {
    for _ in 1..ATTEMPTS {
        match change().await {
            Err(problem) if based_on.0.is_none() && problem.code() == Code::PreconditionFailed => {}
            done => return done,
        }
    }
    change().await
}

/// List the versions of a tenant's email settings, newest first.
#[utoipa::path(
    operation_id = "emailSettings.versions", tag = "Email settings",
    params(TenantPath, PageQuery),
    responses((status = 200, description = "A page of versions", body = List<PastSettingsBody>))
)]
#[get("/v1/tenants/{tenant}/email-settings/versions")]
pub(crate) async fn versions(
    access: Access<may::ReadSettings>,
    query: Query,
) -> Result<web::Json<List<PastSettingsBody>>, Problem> {
    let page = query.read::<PageQuery>()?.request();
    let history = access.store().email_settings_history(page).await?;
    Ok(web::Json(List::of(history, PastSettingsBody::from)))
}

/// Put an older version of a tenant's email settings back, as a new version. It has the password it was saved with: that one
/// was given for just that destination.
#[utoipa::path(
    operation_id = "emailSettings.restore", tag = "Email settings",
    params(VersionPath, RestoreQuery),
    responses(
        (status = 200, description = "The settings after the change", body = EmailSettingsBody),
        (status = 409, description = "Its secret is gone, or no test email covers it"),
        (status = 412, description = "The resource has changed since `If-Match`")
    )
)]
#[post("/v1/tenants/{tenant}/email-settings/versions/{n}/restore")]
pub(crate) async fn restore(
    access: Access<may::WriteSettings>,
    path: web::Path<(String, String)>,
    query: Query,
    based_on: IfMatch,
) -> Result<HttpResponse, Problem> {
    let query: RestoreQuery = query.read()?;
    let restores = version_number(&path.1)?;
    let after = settled(&based_on, async || restored(&access, &query, &based_on, restores).await).await?;
    shown(&access, &after).await
}

/// The number of a version, in the one spelling that names it.
fn version_number(text: &str) -> Result<i64, Problem> {
    let number = text.parse::<i64>().ok();
    let number = number.filter(|number| number.to_string() == text);
    number.ok_or_else(|| Problem::plain(Code::NotFound))
}

/// The settings after an old version took the place of those now in force.
async fn restored<P>(
    access: &Access<P>,
    query: &RestoreQuery,
    based_on: &IfMatch,
    restores: i64,
) -> Result<SettingsVersion, Problem> {
    let old = access.store().email_settings_version(restores).await?;
    candidate::refuse_outdated(access, &old)?;
    let before = access.store().email_settings().await?;
    based_on.check(before.version)?;
    refuse_below(access, &old.settings, &before).await?;
    let overridden = query.overridden.as_ref().map(|given| given.0);
    let change = SettingsChange {
        based_on: Some(before.version),
        restores: Some(restores),
        untested: guard::check(access, (&before.settings, &old.settings), overridden).await?,
    };
    save(access, &old.settings, change).await
}

/// Saves settings that were found right.
async fn save<P>(
    access: &Access<P>,
    settings: &EmailSettings,
    change: SettingsChange,
) -> Result<SettingsVersion, Problem> {
    let store = access.store();
    match settings {
        EmailSettings::Cloud { branding } => Ok(store.replace_branding(branding, change).await?),
        EmailSettings::OnPremises {
            branding: Some(branding),
            connection: Some(connection),
        } => {
            let own = store
                .own_connection()
                .map_err(|ProviderManaged| Problem::plain(Code::ProviderManaged))?;
            Ok(own.replace(branding, connection, change).await?)
        }
        EmailSettings::OnPremises { .. } => Err(Problem::plain(Code::EmailNotConfigured)),
    }
}

/// Octets that a body with settings may have.
pub(crate) const fn body_limit(edition: Edition) -> usize {
    match edition {
        Edition::Cloud => DEFAULT_LIMIT,
        Edition::OnPremises => ON_PREMISES_LIMIT,
    }
}

/// Faults as a problem; nothing where there are none.
fn refuse(faults: Vec<Fault>) -> Result<(), Problem> {
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(faults))
    }
}
