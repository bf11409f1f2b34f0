//! The vault of an on-premises tenant: secrets by template, so that a form can be made for each and a use can ask for one.
//!
//! What cannot be read again is bound to where it would be sent: who may change that place must know the secret.

use std::str::FromStr;

use chrono::Duration;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    connection::{Directory, MAX_CREDENTIAL},
    fault::{Fault, FaultCode},
    secret::{SecretText, secret_text},
};

/// What kind of secret an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Template {
    /// An Azure App Registration, for sending through Microsoft Graph.
    AzureApplication,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 1] = [Self::AzureApplication];

    /// The value as clients and tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AzureApplication => "azure_application",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AzureApplication => "Azure Application Registration",
        }
    }

    /// What it is for, in a sentence.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::AzureApplication => {
                "An application registered in Microsoft Entra that may send mail through Microsoft Graph \
                 (application permission Mail.Send); the O365 send method uses it."
            }
        }
    }

    /// Its fields, in the order of a form.
    #[must_use]
    pub const fn fields(self) -> &'static [TemplateField] {
        match self {
            Self::AzureApplication => &AZURE_APPLICATION,
        }
    }
}

impl FromStr for Template {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|template| template.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of azure_application."))
    }
}

/// A field of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateField {
    /// Its name in `fields`.
    pub name: &'static str,
    /// Its name for people: as Microsoft's portal calls it.
    pub label: &'static str,
    /// Whether it is never read again.
    pub write_only: bool,
    /// What it looks like, for people.
    pub form: &'static str,
}

const AZURE_APPLICATION: [TemplateField; 3] = [
    TemplateField {
        name: "client_id",
        label: "Client ID",
        write_only: false,
        form: "The Application (client) ID, a GUID",
    },
    TemplateField {
        name: "client_secret",
        label: "Client Secret",
        write_only: true,
        form: "The value of a client secret, not its ID; at most 1024 octets",
    },
    TemplateField {
        name: "tenant_id",
        label: "Tenant ID",
        write_only: false,
        form: "The Directory (tenant) ID, a GUID, or one of the directory's domain names",
    },
];

/// What can be read of an application, which is also where its client secret may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its *Application (client) ID*.
    pub client_id: Uuid,
    /// The directory it is registered in.
    pub directory: Directory,
}

/// An identifier as Microsoft's portal shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guid(pub Uuid);

impl FromStr for Guid {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| Fault::invalid("A GUID looks like 72f988bf-86f1-41af-91ab-2d7cd011db47."))
    }
}

/// The value of a client secret: 1 to [`MAX_CREDENTIAL`] octets without control characters.
///
/// # Errors
/// A [`Fault`] that does not repeat it.
pub fn parse_client_secret(text: &str) -> Result<SecretText, Fault> {
    if text.is_empty() {
        return Err(Fault::new(FaultCode::Required, "Must not be empty; use null for none."));
    }
    if text.len() > MAX_CREDENTIAL {
        return Err(Fault::too_long(format!("At most {MAX_CREDENTIAL} octets.")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::invalid("Must not contain control characters."));
    }
    Ok(secret_text(text))
}

/// Whole days until a secret ends, rounded down: 0 on its last day, negative once it has ended.
#[must_use]
pub fn days_left(expires_at: Timestamp, now: Timestamp) -> i64 {
    let day = Duration::days(1).num_milliseconds();
    (expires_at - now).num_milliseconds().div_euclid(day)
}

#[cfg(test)]
mod tests;
