//! Settings that somebody wants to save, or to test before: the body, with what it keeps of the settings in force.

use domain::{connection::EmailSettings, tenant::Edition};
use serde_json::Value;
use storage::tenant::{SettingsVersion, Unusable};

use super::{cloud, on_premises};
use crate::{
    access::Access,
    problem::{Code, Problem},
};

/// The settings of a body, complete: a password that may stay is in it, and so is the application of a secret.
pub(super) async fn resolve<P>(
    access: &Access<P>,
    input: Value,
    before: &EmailSettings,
) -> Result<EmailSettings, Problem> {
    match access.scope.edition() {
        Edition::Cloud => cloud::parse(access, input),
        Edition::OnPremises => on_premises::parse(access, input, before).await,
    }
}

/// The settings that a test email is to go by: those of the body's member `settings`, else the saved ones. Nothing is saved.
pub(crate) async fn parse_candidate<P>(access: &Access<P>, input: Option<Value>) -> Result<EmailSettings, Problem> {
    let before = access.store().email_settings().await?.settings;
    match input {
        Some(input) => {
            let resolved = resolve(access, input, &before).await;
            resolved.map_err(|problem| problem.below("/settings"))
        }
        None if before.is_configured() => Ok(before),
        None => Err(Problem::plain(Code::EmailNotConfigured)),
    }
}

/// Refuses an old version that could not be saved today.
pub(super) fn refuse_outdated<P>(access: &Access<P>, version: &SettingsVersion) -> Result<(), Problem> {
    match &version.settings {
        EmailSettings::Cloud { branding } => cloud::check(access, branding),
        EmailSettings::OnPremises {
            connection: Some(_), ..
        } => Ok(()),
        EmailSettings::OnPremises { connection: None, .. } => Err(Problem::new(
            Code::Conflict,
            match &version.unusable {
                Some(Unusable::Server(_)) => "The password of this version does not open any more.",
                Some(Unusable::Mailbox { .. }) | None => "The vault does not hold the secret of this version any more.",
            },
        )),
    }
}
