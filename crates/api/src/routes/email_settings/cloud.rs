//! A Cloud tenant's settings as they are written: a From, and nothing of a connection.

use deserr::Deserr;
use domain::{
    address::{DisplayName, EmailAddress},
    branding::{Branding, DomainProof},
    connection::EmailSettings,
    fault::{Fault, FaultCode},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::refuse;
use crate::{
    access::Access,
    body::{Faults, Parsed, child, read_value},
    problem::{Code, Problem},
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

/// The settings of a body, or all that is wrong with it.
pub(super) fn parse<P>(access: &Access<P>, input: Value) -> Result<EmailSettings, Problem> {
    refuse_connection(&input)?;
    let input: CloudSettingsInput = read_value(input)?;
    let branding = Branding {
        from_address: input.from_email_address.0,
        from_name: Some(input.from_email_name.0),
    };
    check(access, &branding)?;
    Ok(EmailSettings::Cloud { branding })
}

/// Whether the tenant may save this From now.
pub(super) fn check<P>(access: &Access<P>, branding: &Branding) -> Result<(), Problem> {
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
        .admit(access.scope.slug(), branding, DomainProof::Unverified);
    faults.note("/from_email_address", admitted);
    refuse(faults.0)
}

/// The refusal of a body that speaks of what the provider manages, with an entry for each of its members.
pub(crate) fn managed(body: &Value) -> Problem {
    let members = body.as_object().into_iter().flat_map(|members| members.keys());
    let fault = |key: &String| Fault::new(FaultCode::ProviderManaged, "The provider manages this.").at(&child("", key));
    Problem::plain(Code::ProviderManaged).with_faults(members.map(fault).collect())
}

/// A Cloud tenant that names a part of a connection is refused, whatever else is right.
fn refuse_connection(input: &Value) -> Result<(), Problem> {
    let mut members = input.as_object().into_iter().flat_map(|body| body.keys());
    if members.any(|key| CONNECTION_FIELDS.contains(&key.as_str())) {
        Err(managed(input))
    } else {
        Ok(())
    }
}
