//! What a change of a secret does to the email settings that use it: another application is another connection, so it is
//! guarded like one.

use domain::{
    connection::{Application, Connection, EmailSettings, O365},
    hardening::Credential,
    ids::VaultSecretId,
};
use storage::{
    provider::PasswordChange,
    tenant::{SettingsVersion, Untested, Unusable, VaultChange, VaultEdit, VaultSecret},
};

use super::{
    email_settings::{Override, refuse_untested},
    hardening::refuse_below_with,
};
use crate::{
    access::Access,
    problem::{Code, Problem},
};

/// Refuses a change that would take the settings in force their application, that could lock people out, or that falls below
/// what is mandatory; else says what it may be saved on.
pub(super) async fn check<P>(
    access: &Access<P>,
    before: &VaultSecret,
    change: &VaultChange,
    overridden: Option<Override>,
) -> Result<VaultEdit, Problem> {
    if matches!(change.client_secret, PasswordChange::Keep) {
        return Ok(VaultEdit {
            based_on: Some(before.version),
            ..VaultEdit::default()
        });
    }
    let in_force = access.store().email_settings().await?;
    let edit = VaultEdit {
        based_on: Some(before.version),
        settings: Some(in_force.version),
        untested: Untested::No,
    };
    if !uses(&in_force, before.id) {
        return Ok(edit);
    }
    if matches!(change.client_secret, PasswordChange::Remove) && before.client_secret_set_at.is_some() {
        return Err(Problem::new(
            Code::Conflict,
            "The email settings use this client secret; save them with another secret first.",
        ));
    }
    let Some(after) = with_application(&in_force, change) else {
        return Ok(edit);
    };
    if after == in_force.settings {
        return Ok(edit);
    }
    let credential = Credential {
        given_at: Some(access.api.clock.now()),
        expires_at: change.expires_at,
    };
    refuse_below_with(access, (&after, Some(credential)), &in_force).await?;
    let untested = refuse_untested(access, (&in_force.settings, &after), overridden).await?;
    Ok(VaultEdit { untested, ..edit })
}

/// Whether settings name the secret, also where it is incomplete.
fn uses(settings: &SettingsVersion, id: VaultSecretId) -> bool {
    match (settings.settings.connection(), &settings.unusable) {
        (Some(Connection::O365(o365)), _) => o365.secret == id,
        (None, Some(Unusable::Mailbox { secret, .. })) => *secret == id,
        (Some(Connection::Smtp(_)), _) | (None, Some(Unusable::Server(_)) | None) => false,
    }
}

/// Settings that use the secret, as they will be with the client secret of the change; none where it has none.
fn with_application(in_force: &SettingsVersion, change: &VaultChange) -> Option<EmailSettings> {
    let PasswordChange::Set(client_secret) = &change.client_secret else {
        return None;
    };
    let (secret, cloud, save_to_sent_items) = match (in_force.settings.connection(), &in_force.unusable) {
        (Some(Connection::O365(o365)), _) => (o365.secret, o365.cloud, o365.save_to_sent_items),
        (
            None,
            Some(Unusable::Mailbox {
                secret,
                cloud,
                save_to_sent_items,
            }),
        ) => (*secret, *cloud, *save_to_sent_items),
        (Some(Connection::Smtp(_)), _) | (None, Some(Unusable::Server(_)) | None) => return None,
    };
    let application = Application {
        client_id: change.registration.client_id,
        client_secret: client_secret.clone(),
        directory: change.registration.directory.clone(),
    };
    Some(EmailSettings::OnPremises {
        branding: in_force.branding().cloned(),
        connection: Some(Connection::O365(O365 {
            secret,
            application,
            cloud,
            save_to_sent_items,
        })),
    })
}
