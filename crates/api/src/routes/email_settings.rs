//! Email settings. A Cloud tenant has two fields; naming any other part of a connection is refused as a whole.

use actix_web::{HttpResponse, get, put};
use deserr::Deserr;
use domain::{
    address::{DisplayName, EmailAddress, MAX_ADDRESS, MAX_DISPLAY_NAME},
    branding::{Branding, DomainProof, EffectiveFrom},
    connection::EmailSettings,
    fault::{Fault, FaultCode},
    tenant::Edition,
};
use serde::Serialize;
use serde_json::Value;
use storage::tenant::SettingsVersion;
use utoipa::{IntoParams, ToSchema};

use super::{paths::TenantPath, tenants::Flag};
use crate::{
    access::{Access, may},
    body::{Body, Faults, Parsed, child, read_value},
    problem::{Code, Problem},
    query::Query,
    wire::{IfMatch, etag, instant},
};

/// Top-level members that speak of a connection, in any spelling of the two editions' contracts.
const CONNECTION_FIELDS: [&str; 13] = [
    "send_email_method",
    "smtp",
    "o365",
    "email_server",
    "port",
    "security",
    "username",
    "password",
    "ca_certificate_pem",
    "send_email_application_secret_id",
    "cloud",
    "save_to_sent_items",
    "send_email_application_secret",
];

/// A Cloud tenant's settings.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
#[schema(as = CloudEmailSettings)]
pub(crate) struct CloudSettingsInput {
    /// The address on the tenant's mail; at most 254 octets (RFC 5321).
    #[schema(value_type = String, example = "no-reply@acme.example", max_length = 254)]
    from_email_address: Parsed<EmailAddress>,
    /// The name beside it: 1 to 64 characters, none of them invisible, no `@`.
    #[schema(value_type = String, example = "No Reply", min_length = 1, max_length = 64)]
    from_email_name: Parsed<DisplayName>,
}

/// Whether to save.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplaceQuery {
    /// `true`: the same checks and answer, nothing saved.
    #[deserr(default)]
    #[param(value_type = Option<bool>, example = false)]
    validate_only: Option<Parsed<Flag>>,
}

/// A tenant's email settings as read.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailSettings)]
pub(crate) struct EmailSettingsBody {
    /// `cloud` or `on_premises`.
    #[schema(example = "cloud")]
    edition: &'static str,
    /// The address on the tenant's mail.
    #[schema(example = "no-reply@acme.example")]
    from_email_address: Option<String>,
    /// The name beside it.
    #[schema(example = "No Reply")]
    from_email_name: Option<String>,
    /// Rises with every save; the `ETag`. 0 before the first.
    #[schema(example = 1)]
    version: i64,
    /// When it was saved.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    updated_at: Option<String>,
    /// By whom.
    #[schema(example = "ops")]
    updated_by: Option<String>,
    /// Whether the tenant can send.
    #[schema(example = true)]
    configured: bool,
    /// Whether a test of these values passed in the last 24 hours.
    #[schema(example = false)]
    tested: bool,
    /// What each field is, for forms.
    fields: Vec<FieldBody>,
    /// What recipients will see.
    effective_from: Option<EffectiveFromBody>,
}

/// What a field is.
#[derive(Serialize, ToSchema)]
#[schema(as = SettingsField)]
pub(crate) struct FieldBody {
    /// Its name in the body.
    #[schema(example = "from_email_address")]
    name: &'static str,
    /// Its name for people.
    #[schema(example = "From Email Address")]
    label: &'static str,
    /// Whether it can be written.
    #[schema(example = true)]
    editable: bool,
    /// Whether it must be there.
    #[schema(example = true)]
    required: bool,
    /// Its length at most.
    #[schema(example = 254)]
    max_length: usize,
    /// Why it cannot be written.
    #[schema(example = json!(null))]
    read_only_reason: Option<&'static str>,
}

/// The From that recipients see.
#[derive(Serialize, ToSchema)]
#[schema(as = EffectiveFrom)]
pub(crate) struct EffectiveFromBody {
    /// The From header, as people read it.
    #[schema(example = "Acme via Letterhead <no-reply@acme.relay.example>")]
    header: String,
    /// The Reply-To header, where the From was rewritten.
    #[schema(example = "no-reply@acme.example")]
    reply_to: Option<String>,
    /// Why: `verified`, `fallback`, `verification_off`, `domain_not_verified` or `on_premises`.
    #[schema(example = "domain_not_verified")]
    reason: &'static str,
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
    Ok(shown(&access, &settings))
}

/// Replace a tenant's email settings. A Cloud tenant can write its From address and From name, and nothing else.
#[utoipa::path(
    operation_id = "emailSettings.replace", tag = "Email settings",
    params(TenantPath, ReplaceQuery),
    request_body = CloudSettingsInput,
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
    let input = body.json().await?;
    let branding = match access.scope.edition() {
        Edition::Cloud => parse_cloud(&access, input)?,
        Edition::OnPremises => {
            return Err(Problem::new(
                Code::Conflict,
                "On-premises connections cannot be set in this version.",
            ));
        }
    };
    if query.validate_only.is_some_and(|flag| flag.0 == Flag::True) {
        return Ok(shown(&access, &candidate(&access, branding, based_on).await?));
    }
    let saved = access.store().replace_branding(&branding, based_on.0).await?;
    Ok(shown(&access, &saved))
}

fn parse_cloud<P>(access: &Access<P>, input: Value) -> Result<Branding, Problem> {
    refuse_connection(&input)?;
    let input: CloudSettingsInput = read_value(input)?;
    let branding = Branding {
        from_address: input.from_email_address.0,
        from_name: Some(input.from_email_name.0),
    };
    let mut faults = Faults::default();
    if branding.from_address.needs_smtputf8() {
        faults.0.push(
            Fault::invalid("The part before the @ must be ASCII, so that every server can take it.")
                .at("/from_email_address"),
        );
    }
    let admitted = access
        .api
        .provider
        .admit(access.scope.slug(), &branding, DomainProof::Unverified);
    faults.note("/from_email_address", admitted);
    if faults.0.is_empty() {
        Ok(branding)
    } else {
        Err(Problem::invalid(faults.0))
    }
}

/// A Cloud tenant that names a part of a connection is refused, whatever else is right.
fn refuse_connection(input: &Value) -> Result<(), Problem> {
    let named = input
        .as_object()
        .into_iter()
        .flat_map(|body| body.keys())
        .filter(|key| CONNECTION_FIELDS.contains(&key.as_str()));
    let faults: Vec<Fault> = named
        .map(|key| Fault::new(FaultCode::ProviderManaged, "The provider manages this.").at(&child("", key)))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Problem::plain(Code::ProviderManaged).with_faults(faults))
    }
}

/// What would be saved, with the version it would be based on.
async fn candidate<P>(access: &Access<P>, branding: Branding, based_on: IfMatch) -> Result<SettingsVersion, Problem> {
    let current = access.store().email_settings().await?;
    if based_on.0.is_some_and(|expected| expected != current.version) {
        return Err(Problem::new(
            Code::PreconditionFailed,
            format!("The resource has version {} now; read it again.", current.version),
        ));
    }
    Ok(SettingsVersion {
        settings: EmailSettings::Cloud { branding },
        ..current
    })
}

fn shown<P>(access: &Access<P>, settings: &SettingsVersion) -> HttpResponse {
    let branding = settings.branding();
    let edition = access.scope.edition();
    let body = EmailSettingsBody {
        edition: edition.as_str(),
        from_email_address: branding.map(|branding| branding.from_address.to_string()),
        from_email_name: branding
            .and_then(|branding| branding.from_name.as_ref())
            .map(ToString::to_string),
        version: settings.version,
        updated_at: settings.updated_at.map(instant),
        updated_by: settings.updated_by.clone(),
        configured: is_configured(&settings.settings),
        tested: false,
        fields: fields(edition),
        effective_from: branding.map(|branding| effective_from(access, branding).into()),
    };
    HttpResponse::Ok().insert_header(etag(settings.version)).json(body)
}

const fn is_configured(settings: &EmailSettings) -> bool {
    match settings {
        EmailSettings::Cloud { .. } => true,
        EmailSettings::OnPremises { connection, .. } => connection.is_some(),
    }
}

/// The From that recipients of this tenant's mail see.
pub(crate) fn effective_from<P>(access: &Access<P>, branding: &Branding) -> EffectiveFrom {
    match access.scope.edition() {
        Edition::Cloud => access
            .api
            .provider
            .effective_from(access.scope.slug(), branding, DomainProof::Unverified),
        Edition::OnPremises => EffectiveFrom::on_premises(branding),
    }
}

impl From<EffectiveFrom> for EffectiveFromBody {
    fn from(effective: EffectiveFrom) -> Self {
        Self {
            header: effective.from.to_string(),
            reply_to: effective.reply_to.map(|address| address.to_string()),
            reason: effective.reason.as_str(),
        }
    }
}

fn fields(edition: Edition) -> Vec<FieldBody> {
    let field = |name, label, max_length, required| FieldBody {
        name,
        label,
        editable: edition == Edition::Cloud,
        required,
        max_length,
        read_only_reason: match edition {
            Edition::Cloud => None,
            Edition::OnPremises => Some("On-premises connections cannot be set in this version."),
        },
    };
    vec![
        field("from_email_address", "From Email Address", MAX_ADDRESS, true),
        field(
            "from_email_name",
            "From Email Name",
            MAX_DISPLAY_NAME,
            edition == Edition::Cloud,
        ),
    ]
}
