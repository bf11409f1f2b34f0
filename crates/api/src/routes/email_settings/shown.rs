//! Email settings as they are read: never a password, always what the fields are and what recipients will see.

use actix_web::HttpResponse;
use domain::{
    branding::{Branding, DomainProof, EffectiveFrom},
    connection::{Connection, O365, SmtpServer},
    tenant::Edition,
};
use serde::Serialize;
use storage::tenant::{PastSettings, SettingsVersion, Unusable};
use utoipa::ToSchema;

use super::fields::{FieldBody, fields};
use crate::{
    access::Access,
    problem::Problem,
    wire::{etag, instant},
};

/// A tenant's email settings as read.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailSettings)]
pub(crate) struct EmailSettingsBody {
    /// `cloud` or `on_premises`.
    #[schema(example = "on_premises")]
    edition: &'static str,
    /// The address on the tenant's mail.
    #[schema(example = "pam@globex.example")]
    from_email_address: Option<String>,
    /// The name beside it.
    #[schema(example = json!(null))]
    from_email_name: Option<String>,
    /// `smtp` or `o365`; null before the first save, absent for a Cloud tenant.
    #[serde(skip_serializing_if = "OfOwn::is_absent")]
    #[schema(value_type = Option<String>, example = "smtp")]
    send_email_method: OfOwn<&'static str>,
    /// The tenant's SMTP server; absent for a Cloud tenant.
    #[serde(skip_serializing_if = "OfOwn::is_absent")]
    #[schema(value_type = Option<SmtpBody>)]
    smtp: OfOwn<SmtpBody>,
    /// The tenant's Office 365 mailbox; absent for a Cloud tenant.
    #[serde(skip_serializing_if = "OfOwn::is_absent")]
    #[schema(value_type = Option<O365Body>)]
    o365: OfOwn<O365Body>,
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
    /// Whether a test email passed with these values, password included, in the last 24 hours.
    #[schema(example = false)]
    tested: bool,
    /// What each field is, for forms.
    fields: Vec<FieldBody>,
    /// What recipients will see.
    effective_from: Option<EffectiveFromBody>,
}

/// A member that only tenants with a connection of their own have.
#[derive(Serialize)]
#[serde(untagged)]
enum OfOwn<T> {
    /// Another edition's.
    Absent,
    /// Theirs; none while it does not apply.
    Present(Option<T>),
}

impl<T> OfOwn<T> {
    fn of(edition: Edition, value: Option<T>) -> Self {
        match edition {
            Edition::Cloud => Self::Absent,
            Edition::OnPremises => Self::Present(value),
        }
    }

    const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// A tenant's SMTP server.
#[derive(Serialize, ToSchema)]
#[schema(as = SmtpConnection)]
pub(crate) struct SmtpBody {
    /// A name or an address.
    #[schema(example = "smtp.globex.example")]
    email_server: String,
    /// Its TCP port.
    #[schema(example = 587)]
    port: u16,
    /// `implicit_tls`, `starttls`, `starttls_optional` or `none`.
    #[schema(example = "starttls")]
    security: &'static str,
    /// The account.
    #[schema(example = "pam")]
    username: Option<String>,
    /// Whether a password is stored; it is never read.
    #[schema(example = true)]
    password_set: bool,
    /// Further trusted roots.
    #[schema(example = json!(null))]
    ca_certificate_pem: Option<String>,
}

/// A tenant's Office 365 mailbox.
#[derive(Serialize, ToSchema)]
#[schema(as = O365Connection)]
pub(crate) struct O365Body {
    /// The secret that holds the Azure App Registration.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8d")]
    send_email_application_secret_id: String,
    /// `global`, `us_gov_l4`, `us_gov_l5` or `china`.
    #[schema(example = "global")]
    cloud: &'static str,
    /// Whether Microsoft keeps a copy in *Sent Items*.
    #[schema(example = false)]
    save_to_sent_items: bool,
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

/// One version in the history.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailSettingsVersion)]
pub(crate) struct PastSettingsBody {
    /// Which.
    #[schema(example = 3)]
    version: i64,
    /// When it was saved.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    updated_at: String,
    /// By whom.
    #[schema(example = "ops")]
    updated_by: String,
    /// Whether a test email passed with its values in the last 24 hours.
    #[schema(example = false)]
    tested: bool,
}

/// The answer that shows a version, saved or not.
pub(super) async fn shown<P>(access: &Access<P>, version: &SettingsVersion) -> Result<HttpResponse, Problem> {
    let settings = &version.settings;
    let branding = settings.branding();
    let edition = access.scope.edition();
    let (method, smtp, o365) = stored(version);
    let body = EmailSettingsBody {
        edition: edition.as_str(),
        from_email_address: branding.map(|branding| branding.from_address.to_string()),
        from_email_name: branding
            .and_then(|branding| branding.from_name.as_ref())
            .map(ToString::to_string),
        send_email_method: OfOwn::of(edition, method),
        smtp: OfOwn::of(edition, smtp),
        o365: OfOwn::of(edition, o365),
        version: version.version,
        updated_at: version.updated_at.map(instant),
        updated_by: version.updated_by.clone(),
        configured: settings.is_configured(),
        tested: access.store().is_tested(settings).await?,
        fields: fields(edition, method),
        effective_from: branding.map(|branding| effective_from(access, branding).into()),
    };
    Ok(HttpResponse::Ok().insert_header(etag(version.version)).json(body))
}

/// The method and what is stored for it, also where nothing can be sent by it.
fn stored(version: &SettingsVersion) -> (Option<&'static str>, Option<SmtpBody>, Option<O365Body>) {
    match (version.settings.connection(), &version.unusable) {
        (Some(Connection::Smtp(server)), _) | (None, Some(Unusable::Server(server))) => {
            (Some("smtp"), Some(server.into()), None)
        }
        (Some(Connection::O365(o365)), _) => (Some("o365"), None, Some(o365.into())),
        (
            None,
            Some(Unusable::Mailbox {
                secret,
                cloud,
                save_to_sent_items,
            }),
        ) => {
            let body = O365Body {
                send_email_application_secret_id: secret.to_string(),
                cloud: cloud.as_str(),
                save_to_sent_items: *save_to_sent_items,
            };
            (Some("o365"), None, Some(body))
        }
        (None, None) => (None, None, None),
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

impl From<&SmtpServer> for SmtpBody {
    fn from(server: &SmtpServer) -> Self {
        Self {
            email_server: server.host.to_string(),
            port: server.port,
            security: server.security.as_str(),
            username: server.username().map(str::to_owned),
            password_set: server.password().is_some(),
            ca_certificate_pem: server.ca_certificate_pem.clone(),
        }
    }
}

impl From<&O365> for O365Body {
    fn from(o365: &O365) -> Self {
        Self {
            send_email_application_secret_id: o365.secret.to_string(),
            cloud: o365.cloud.as_str(),
            save_to_sent_items: o365.save_to_sent_items,
        }
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

impl From<PastSettings> for PastSettingsBody {
    fn from(past: PastSettings) -> Self {
        Self {
            version: past.version,
            updated_at: instant(past.updated_at),
            updated_by: past.updated_by,
            tested: past.tested,
        }
    }
}
