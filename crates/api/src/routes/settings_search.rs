//! The settings search: where a setting is, found by what people call it.

use std::str::FromStr;

use actix_web::{HttpResponse, get};
use deserr::Deserr;
use domain::{access::TenantScope, fault::Fault};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::paths::TenantPath;
use crate::{
    access::{Access, may},
    body::{Faults, Parsed},
    catalogue::{self, Setting},
    problem::Problem,
    query::Query,
};

/// Longest text that is looked for, in characters.
const MAX_TEXT: usize = 100;

/// What is looked for.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// Words of a title, or other words for it; typos are forgiven. At most 100 characters; nothing asks for every setting.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "email", max_length = 100)]
    q: Option<Parsed<SearchText>>,
}

#[derive(Debug)]
struct SearchText(String);

impl FromStr for SearchText {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text.chars().count() > MAX_TEXT {
            return Err(Fault::too_long(format!("At most {MAX_TEXT} characters.")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What was found, the best first.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundSettings {
    /// The settings.
    items: Vec<FoundSetting>,
}

/// A page or a field.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundSetting {
    /// Its name for programs.
    #[schema(example = "email_configuration")]
    id: &'static str,
    /// Its name for people.
    #[schema(example = "Email configuration")]
    title: &'static str,
    /// What it decides.
    #[schema(example = "Who sends this tenant's mail, by which way, and from which address.")]
    description: &'static str,
    /// Where it stands among the others.
    #[schema(example = "Email")]
    section: &'static str,
    /// Whether it can be written in this tenant's edition, or is managed by the provider.
    #[schema(example = true)]
    editable: bool,
    /// The resource, and the field in it as a JSON pointer.
    #[schema(example = "/v1/tenants/acme/email-settings")]
    api: String,
    /// The console's page.
    #[schema(example = "/t/acme/email")]
    console: String,
}

/// Find a setting by its title, by another word for it, or by either with a typo.
#[utoipa::path(
    operation_id = "settings.search", tag = "Oversight",
    params(TenantPath, SearchQuery),
    responses((status = 200, description = "The settings, the best first", body = FoundSettings))
)]
#[get("/v1/tenants/{tenant}/settings")]
pub(crate) async fn search(access: Access<may::ReadSettings>, query: Query) -> Result<HttpResponse, Problem> {
    let query: SearchQuery = query.read()?;
    let text = query.q.map(|text| text.0.0).unwrap_or_default();
    let found = catalogue::search(&text);
    let items = found.into_iter().map(|setting| shown(setting, &access.scope)).collect();
    Ok(HttpResponse::Ok().json(FoundSettings { items }))
}

fn shown(setting: &'static Setting, scope: &TenantScope) -> FoundSetting {
    FoundSetting {
        id: setting.id,
        title: setting.title,
        description: setting.description,
        section: setting.section,
        editable: setting.is_editable(scope),
        api: setting.api(scope),
        console: setting.console(scope),
    }
}
