//! A tenant's preferences. For a Cloud tenant the provider writes them.

use actix_web::{HttpResponse, get, put};
use deserr::Deserr;
use domain::{
    access::ProviderManaged,
    address::DisplayName,
    preferences::{AccentColor, CodeInSubject, DEFAULT_RETENTION_DAYS, OnOutcomeUnknown, Preferences},
};
use serde::Serialize;
use storage::tenant::PreferencesVersion;
use utoipa::ToSchema;

use super::paths::TenantPath;
use crate::{
    access::{Access, may},
    body::{Body, Bounded, Faults, Parsed},
    problem::{Code, Problem},
    wire::{IfMatch, etag, instant},
};

/// All of a tenant's preferences; what is absent becomes its default.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct PreferencesInput {
    /// The name in texts: 1 to 64 characters; null is the tenant's own name.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Acme", min_length = 1, max_length = 64)]
    brand_name: Option<Parsed<DisplayName>>,
    /// The colour of buttons and lines; null is the template's own.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "#1a5fb4", pattern = "^#[0-9A-Fa-f]{6}$")]
    accent_color: Option<Parsed<AccentColor>>,
    /// Whether a sign-in code stands in the subject; `true` by default.
    #[deserr(default)]
    #[schema(example = true)]
    code_in_subject: Option<bool>,
    /// Days a message's content is kept, 1 to 3650; 30 by default.
    #[deserr(default)]
    #[schema(value_type = Option<u32>, example = 30, minimum = 1, maximum = 3650)]
    retention_days: Option<Bounded<1, 3650>>,
    /// A notification or system mail that may or may not have arrived: `resend` (default) sends it once more, `hold` leaves
    /// that to a retry.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "resend")]
    on_outcome_unknown: Option<Parsed<OnOutcomeUnknown>>,
}

impl From<PreferencesInput> for Preferences {
    fn from(input: PreferencesInput) -> Self {
        let days = input.retention_days.and_then(|days| u32::try_from(days.0).ok());
        Self {
            brand_name: input.brand_name.map(|name| name.0),
            accent_color: input.accent_color.map(|color| color.0),
            code_in_subject: match input.code_in_subject {
                Some(false) => CodeInSubject::Hidden,
                Some(true) | None => CodeInSubject::Shown,
            },
            retention_days: days.unwrap_or(DEFAULT_RETENTION_DAYS),
            on_outcome_unknown: input
                .on_outcome_unknown
                .map_or(OnOutcomeUnknown::Resend, |choice| choice.0),
        }
    }
}

/// A tenant's preferences.
#[derive(Serialize, ToSchema)]
#[schema(as = Preferences)]
pub(crate) struct PreferencesBody {
    /// The name in texts; null is the tenant's own name.
    #[schema(example = "Acme")]
    brand_name: Option<String>,
    /// The colour of buttons and lines; null is the template's own.
    #[schema(example = "#1a5fb4")]
    accent_color: Option<String>,
    /// Whether a sign-in code stands in the subject.
    #[schema(example = true)]
    code_in_subject: bool,
    /// Days a message's content is kept.
    #[schema(example = 30)]
    retention_days: u32,
    /// `resend` or `hold`.
    #[schema(example = "resend")]
    on_outcome_unknown: &'static str,
    /// Rises with every save; the `ETag`. 0 before the first.
    #[schema(example = 1)]
    version: i64,
    /// When it was saved.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    updated_at: Option<String>,
    /// By whom.
    #[schema(example = "ops")]
    updated_by: Option<String>,
}

impl From<PreferencesVersion> for PreferencesBody {
    fn from(kept: PreferencesVersion) -> Self {
        let preferences = kept.preferences;
        Self {
            brand_name: preferences.brand_name.map(|name| name.to_string()),
            accent_color: preferences.accent_color.map(|color| color.as_str().to_owned()),
            code_in_subject: preferences.code_in_subject == CodeInSubject::Shown,
            retention_days: preferences.retention_days,
            on_outcome_unknown: preferences.on_outcome_unknown.as_str(),
            version: kept.version,
            updated_at: kept.updated_at.map(instant),
            updated_by: kept.updated_by,
        }
    }
}

/// Read a tenant's preferences.
#[utoipa::path(
    operation_id = "preferences.read", tag = "Preferences",
    params(TenantPath),
    responses((status = 200, description = "The preferences", body = PreferencesBody))
)]
#[get("/v1/tenants/{tenant}/preferences")]
pub(crate) async fn read(access: Access<may::ReadSettings>) -> Result<HttpResponse, Problem> {
    Ok(shown(access.store().preferences().await?))
}

/// Replace a tenant's preferences. A Cloud tenant's are written by an operator alone.
#[utoipa::path(
    operation_id = "preferences.replace", tag = "Preferences",
    params(TenantPath),
    request_body = PreferencesInput,
    responses((status = 200, description = "The preferences after the change", body = PreferencesBody))
)]
#[put("/v1/tenants/{tenant}/preferences")]
pub(crate) async fn replace(
    access: Access<may::WriteSettings>,
    based_on: IfMatch,
    body: Body,
) -> Result<HttpResponse, Problem> {
    access
        .scope
        .refuse_managed()
        .map_err(|ProviderManaged| Problem::plain(Code::ProviderManaged))?;
    let input: PreferencesInput = body.read().await?;
    Ok(shown(
        access.store().replace_preferences(&input.into(), based_on.0).await?,
    ))
}

fn shown(kept: PreferencesVersion) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(etag(kept.version))
        .json(PreferencesBody::from(kept))
}
