//! The hardening report, and the provider's word on which of its items are mandatory for a tenant.

use actix_web::{HttpResponse, get, put, web};
use deserr::Deserr;
use domain::{
    connection::EmailSettings,
    fault::Fault,
    hardening::{Credential, Demand, Facts, Item, below_mandatory},
};
use serde::Serialize;
use storage::tenant::SettingsVersion;
use utoipa::{IntoParams, ToSchema};

use super::paths::TenantPath;
use crate::{
    access::{Access, may},
    body::{Body, Faults},
    problem::{Code, Problem},
    wire::instant,
};

mod facts;

/// An item of a tenant's report.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "only the document reads these fields")]
pub(crate) struct ReportItemPath {
    /// A tenant's id or slug.
    #[param(example = "acme")]
    tenant: String,
    /// The item's id.
    #[param(example = "require_smtp_ssl")]
    id: String,
}

/// What the provider demands.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct DemandInput {
    /// Whether settings that fall below the item are refused.
    #[schema(example = true)]
    mandatory: bool,
}

/// What is weak about a tenant's mail, and what to do about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct HardeningReport {
    /// Every item, also those that do not arise.
    items: Vec<HardeningItem>,
}

/// One item.
#[derive(Serialize, ToSchema)]
pub(crate) struct HardeningItem {
    /// Its name for programs.
    #[schema(example = "require_smtp_ssl")]
    id: &'static str,
    /// Its name for people.
    #[schema(example = "Require SMTP SSL")]
    title: &'static str,
    /// `pass`, `warning`, `fail`, `unknown` (nothing was seen yet) or `not_applicable`.
    #[schema(example = "pass")]
    status: &'static str,
    /// Whether settings that fall below it are refused.
    #[schema(example = false)]
    mandatory: bool,
    /// What its status was seen by.
    #[schema(example = "Security is starttls. Without TLS no mail is sent.")]
    evidence: String,
    /// What to do.
    #[schema(example = "Nothing to do.")]
    recommendation: String,
    /// When that was seen.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    checked_at: String,
}

/// Read a tenant's hardening report, made of the settings in force and what was last seen of them.
#[utoipa::path(
    operation_id = "hardening.read", tag = "Oversight",
    params(TenantPath),
    responses((status = 200, description = "The report", body = HardeningReport))
)]
#[get("/v1/tenants/{tenant}/hardening-report")]
pub(crate) async fn read(access: Access<may::ReadSettings>) -> Result<HttpResponse, Problem> {
    let in_force = access.store().email_settings().await?;
    let mandatory = access.store().mandatory_items().await?;
    let facts = facts::of(&access, &in_force.settings, &in_force).await?;
    let items = Item::ALL
        .into_iter()
        .map(|item| shown(item, &facts, &mandatory))
        .collect();
    Ok(HttpResponse::Ok().json(HardeningReport { items }))
}

/// Make an item mandatory for a tenant, or leave it to the tenant again. Settings in force stay; the next ones have to meet it.
#[utoipa::path(
    operation_id = "hardening.demand", tag = "Oversight",
    params(ReportItemPath),
    request_body = DemandInput,
    responses((status = 200, description = "The item", body = HardeningItem))
)]
#[put("/v1/tenants/{tenant}/hardening-report/{id}")]
pub(crate) async fn demand(
    access: Access<may::ManageTenant>,
    path: web::Path<(String, String)>,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let item: Item = path.1.parse().map_err(|_| Problem::plain(Code::NotFound))?;
    let input: DemandInput = body.read().await?;
    access.store().demand(item, demanded(item, &input)?).await?;
    let in_force = access.store().email_settings().await?;
    let mandatory = access.store().mandatory_items().await?;
    let facts = facts::of(&access, &in_force.settings, &in_force).await?;
    Ok(HttpResponse::Ok().json(shown(item, &facts, &mandatory)))
}

fn demanded(item: Item, input: &DemandInput) -> Result<Demand, Problem> {
    if !input.mandatory {
        return Ok(Demand::Optional);
    }
    if item.decided_by().is_none() {
        let why = "The email settings do not decide this item, so none could meet it.";
        return Err(Problem::invalid(vec![Fault::invalid(why).at("/mandatory")]));
    }
    Ok(Demand::Mandatory)
}

/// Refuses settings that fall below an item that is mandatory for the tenant; `in_force` is what they would take the place of.
///
/// # Errors
/// 422 with a fault for each such item, which names it.
pub(crate) async fn refuse_below<P>(
    access: &Access<P>,
    settings: &EmailSettings,
    in_force: &SettingsVersion,
) -> Result<(), Problem> {
    refuse_below_with(access, (settings, None), in_force).await
}

/// The same, of settings whose application gets a credential that is not stored yet.
///
/// # Errors
/// 422 with a fault for each such item, which names it.
pub(crate) async fn refuse_below_with<P>(
    access: &Access<P>,
    (settings, credential): (&EmailSettings, Option<Credential>),
    in_force: &SettingsVersion,
) -> Result<(), Problem> {
    let mandatory = access.store().mandatory_items().await?;
    if mandatory.is_empty() {
        return Ok(());
    }
    let mut facts = facts::of(access, settings, in_force).await?;
    facts.credential = credential.unwrap_or(facts.credential);
    let faults = below_mandatory(&mandatory, &facts);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(faults))
    }
}

fn shown(item: Item, facts: &Facts<'_>, mandatory: &[Item]) -> HardeningItem {
    let finding = item.judge(facts);
    HardeningItem {
        id: item.as_str(),
        title: item.title(),
        status: finding.status.as_str(),
        mandatory: mandatory.contains(&item),
        evidence: finding.evidence,
        recommendation: finding.recommendation,
        checked_at: instant(item.checked_at(facts)),
    }
}
