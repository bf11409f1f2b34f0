//! Secrets as administrators write them, and the rule that binds a stored client secret to its registration.

use deserr::Deserr;
use domain::{
    connection::Directory,
    fault::{Fault, FaultCode},
    secret::SecretText,
    vault::{Guid, Registration, Template, parse_client_secret},
};
use serde_json::Value;
use storage::{
    provider::PasswordChange,
    tenant::{VaultChange, VaultSecret},
};
use utoipa::ToSchema;

use crate::{
    body::{Faults, Parsed, Patch, read_value},
    problem::Problem,
    wire::{Label, WireInstant},
};

/// A secret to be made.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreateSecret {
    /// What people call it: 1 to 100 characters.
    #[schema(value_type = String, example = "Graph mailer", min_length = 1, max_length = 100)]
    name: Parsed<Label>,
    /// What kind it is; see `GET /v1/secret-templates`.
    #[schema(value_type = String, example = "azure_application")]
    template: Parsed<Template>,
    /// What the template asks for.
    fields: CreateSecretFields,
    /// When the client secret ends, as the portal says; null is not known.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "2028-01-31T00:00:00Z")]
    expires_at: Option<Parsed<WireInstant>>,
}

/// The fields of a new Azure Application Registration.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct CreateSecretFields {
    /// The Application (client) ID, a GUID.
    #[schema(value_type = String, example = "6731de76-14a6-49ae-97bc-6eba6914391e")]
    client_id: Parsed<Guid>,
    /// The value of a client secret, 1 to 1024 octets. Write-only. Null makes a secret that is not complete yet.
    #[schema(value_type = Option<String>, example = "Zx-8Q~example-client-secret-value", write_only, required)]
    client_secret: Patch<Parsed<ClientSecret>>,
    /// The Directory (tenant) ID, a GUID, or a domain name of the directory.
    #[schema(value_type = String, example = "72f988bf-86f1-41af-91ab-2d7cd011db47")]
    tenant_id: Parsed<Directory>,
}

/// A secret after a change: all of it, but for the client secret.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReplaceSecret {
    /// What people call it: 1 to 100 characters.
    #[schema(value_type = String, example = "Graph mailer", min_length = 1, max_length = 100)]
    name: Parsed<Label>,
    /// What kind it is; see `GET /v1/secret-templates`.
    #[schema(value_type = String, example = "azure_application")]
    template: Parsed<Template>,
    /// What the template asks for.
    fields: ReplaceSecretFields,
    /// When the client secret ends, as the portal says; null is not known.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "2028-01-31T00:00:00Z")]
    expires_at: Option<Parsed<WireInstant>>,
}

/// The fields of an Azure Application Registration after a change.
#[derive(Deserr, ToSchema)]
#[deserr(error = Faults, deny_unknown_fields)]
pub(crate) struct ReplaceSecretFields {
    /// The Application (client) ID, a GUID.
    #[schema(value_type = String, example = "6731de76-14a6-49ae-97bc-6eba6914391e")]
    client_id: Parsed<Guid>,
    /// The value of a client secret, 1 to 1024 octets. Write-only. Absent: the stored one stays, where the other two fields
    /// are as they were. Null: the stored one goes.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Zx-8Q~example-client-secret-value", write_only)]
    client_secret: Patch<Parsed<ClientSecret>>,
    /// The Directory (tenant) ID, a GUID, or a domain name of the directory.
    #[schema(value_type = String, example = "72f988bf-86f1-41af-91ab-2d7cd011db47")]
    tenant_id: Parsed<Directory>,
}

/// A client secret as written.
#[derive(Clone)]
pub(crate) struct ClientSecret(SecretText);

impl std::str::FromStr for ClientSecret {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        parse_client_secret(text).map(Self)
    }
}

impl From<CreateSecret> for VaultChange {
    fn from(input: CreateSecret) -> Self {
        Self {
            name: input.name.0.0,
            template: input.template.0,
            registration: Registration {
                client_id: input.fields.client_id.0.0,
                directory: input.fields.tenant_id.0,
            },
            client_secret: written(input.fields.client_secret),
            expires_at: input.expires_at.map(|at| at.0.0),
        }
    }
}

impl ReplaceSecret {
    /// The change of a stored secret, or every fault of it.
    pub(crate) fn over(body: Value, before: &VaultSecret) -> Result<VaultChange, Problem> {
        // Looked at apart, so that a fault elsewhere does not hide it.
        let fields = body.get("fields").cloned().map(read_value::<ReplaceSecretFields>);
        let moved = matches!(fields, Some(Ok(fields)) if fields.moves_client_secret(before));
        let read = read_value::<Self>(body);
        if !moved {
            return read.map(Self::into_change);
        }
        let mut faults = read.err().map(|problem| problem.faults().to_vec()).unwrap_or_default();
        let fault = Fault::new(
            FaultCode::PasswordRequired,
            "The stored client secret belongs to another application or directory; give it again.",
        );
        faults.push(fault.at("/fields/client_secret"));
        Err(Problem::invalid(faults))
    }

    fn into_change(self) -> VaultChange {
        VaultChange {
            name: self.name.0.0,
            template: self.template.0,
            registration: self.fields.registration(),
            client_secret: written(self.fields.client_secret),
            expires_at: self.expires_at.map(|at| at.0.0),
        }
    }
}

impl ReplaceSecretFields {
    fn registration(&self) -> Registration {
        Registration {
            client_id: self.client_id.0.0,
            directory: self.tenant_id.0.clone(),
        }
    }

    /// Whether a stored client secret would be kept for a place it was not given for.
    fn moves_client_secret(&self, before: &VaultSecret) -> bool {
        matches!(self.client_secret, Patch::Absent)
            && before.client_secret_set_at.is_some()
            && self.registration() != before.registration
    }
}

fn written(secret: Patch<Parsed<ClientSecret>>) -> PasswordChange {
    match secret {
        Patch::Absent => PasswordChange::Keep,
        Patch::Null => PasswordChange::Remove,
        Patch::Value(secret) => PasswordChange::Set(secret.0.0),
    }
}
