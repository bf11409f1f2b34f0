//! Gathering what the rules look at, of settings in force or of settings that somebody wants to save.

use chrono::Duration;
use domain::{
    access::ProviderManaged,
    clock::Timestamp,
    connection::{Connection, EmailSettings},
    hardening::{Approvals, Codes, Credential, Facts, Observation, Session, Taken, Tested},
    ids::VaultSecretId,
    message::kind::Kind,
};
use storage::{StoreError, tenant::SettingsVersion};

use crate::{
    access::Access,
    problem::{Code, Problem},
    routes::email_settings::effective_from,
};

/// Days of mail that are looked back on.
const LATELY_DAYS: i64 = 30;

/// The facts about `settings`; what was seen of those in force counts for them as far as they are the same.
pub(super) async fn of<'a, P>(
    access: &Access<P>,
    settings: &'a EmailSettings,
    in_force: &SettingsVersion,
) -> Result<Facts<'a>, Problem> {
    let store = access.store();
    let now = access.api.clock.now();
    let lately = now - Duration::days(LATELY_DAYS);
    let codes = store.sends_codes().await?;
    let approvals = store.has_submitted(Kind::AccessRequest, lately).await?;
    let (credential, unchanged_since) = credential(access, settings, in_force).await?;
    let sessions = sessions(access, settings, in_force, unchanged_since).await?;
    let taken = sessions.iter().filter(|session| session.taken == Taken::Yes);
    Ok(Facts {
        now,
        settings,
        from: settings.branding().map(|branding| effective_from(access, branding)),
        observed: Observation::newest(settings, &sessions),
        taken_at: taken.map(|session| session.at).max(),
        credential,
        tested: if store.is_tested(settings).await? {
            Tested::Lately
        } else {
            Tested::No
        },
        codes: if codes { Codes::Sent } else { Codes::None },
        // Its links are those of the message, as the mail has them.
        approvals: if approvals {
            Approvals::AtProducer
        } else {
            Approvals::None
        },
    })
}

/// The dates of the password or client secret, and when it last changed.
async fn credential<P>(
    access: &Access<P>,
    settings: &EmailSettings,
    in_force: &SettingsVersion,
) -> Result<(Credential, Option<Timestamp>), Problem> {
    match settings.connection() {
        None => Ok((Credential::default(), None)),
        Some(Connection::O365(o365)) => of_application(access, o365.secret).await,
        Some(Connection::Smtp(server)) => {
            let known = in_force.settings.connection().and_then(Connection::smtp);
            let is_kept = known.is_some_and(|known| known.credentials == server.credentials);
            let given_at = if is_kept {
                access.store().password_since(in_force).await?
            } else {
                Some(access.api.clock.now())
            };
            let credential = Credential {
                given_at,
                expires_at: None,
            };
            Ok((credential, None))
        }
    }
}

async fn of_application<P>(access: &Access<P>, id: VaultSecretId) -> Result<(Credential, Option<Timestamp>), Problem> {
    let vault = access
        .store()
        .vault()
        .map_err(|ProviderManaged| Problem::plain(Code::ProviderManaged))?;
    match vault.secret(id).await {
        Ok(secret) => {
            let credential = Credential {
                given_at: secret.client_secret_set_at,
                expires_at: secret.expires_at,
            };
            Ok((credential, Some(secret.updated_at)))
        }
        Err(StoreError::NotFound(_)) => Ok((Credential::default(), None)),
        Err(error) => Err(error.into()),
    }
}

/// The last sessions by these settings, since they have been as they are.
async fn sessions<P>(
    access: &Access<P>,
    settings: &EmailSettings,
    in_force: &SettingsVersion,
    changed_at: Option<Timestamp>,
) -> Result<Vec<Session>, Problem> {
    let Some(saved_at) = in_force.updated_at else {
        return Ok(Vec::new());
    };
    if settings.is_another_way_than(&in_force.settings) {
        return Ok(Vec::new());
    }
    let since = changed_at.map_or(saved_at, |changed_at| changed_at.max(saved_at));
    Ok(access.store().sessions_since(since).await?)
}
