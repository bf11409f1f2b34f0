//! Saving email settings: a new version, the audit entry, and the mail that waited for it, in one transaction.

use domain::{
    access::{OnPremScope, ProviderManaged},
    branding::Branding,
    connection::{Connection, EmailSettings, O365, SmtpServer},
    tenant::Edition,
};
use sea_orm::{ActiveValue::Set, DatabaseTransaction};
use serde_json::{Value, json};

use super::{super::TenantStore, SettingsVersion};
use crate::{audit::Entry, entity::email_settings, error::StoreError};

/// What a save is based on, for the check of versions and for the audit log.
#[derive(Debug, Clone, Copy, Default)]
pub struct SettingsChange {
    /// The version the change was made of; none where the caller does not mind.
    pub based_on: Option<i64>,
    /// The version whose values these are, where an old one is put back.
    pub restores: Option<i64>,
    /// Whether somebody took it upon themselves that no test covers the change.
    pub untested: Untested,
}

/// Whether a change that could lock people out went past the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Untested {
    /// It did not have to.
    #[default]
    No,
    /// The caller said so.
    Overridden,
}

/// One on-premises tenant's own connection.
#[derive(Clone, Copy)]
pub struct OwnConnection<'a> {
    tenant: TenantStore<'a>,
    _leave: OnPremScope<'a>,
}

impl<'a> TenantStore<'a> {
    /// The tenant's own connection, to be written.
    ///
    /// # Errors
    /// [`ProviderManaged`] for a Cloud tenant, which has none.
    pub fn own_connection(&self) -> Result<OwnConnection<'a>, ProviderManaged> {
        let leave = self.scope.on_premises()?;
        Ok(OwnConnection {
            tenant: *self,
            _leave: leave,
        })
    }

    /// Saves a Cloud tenant's branding as a new version.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] where somebody saved since.
    pub async fn replace_branding(
        &self,
        branding: &Branding,
        change: SettingsChange,
    ) -> Result<SettingsVersion, StoreError> {
        let transaction = self.store.begin().await?;
        let before = self.unchanged(&transaction, change).await?;
        let row = self.version_after(&before, Edition::Cloud, branding);
        self.save((&transaction, &before), row, change).await?;
        let after = self.settings_in(&transaction).await?;
        transaction.commit().await?;
        self.store.wake();
        Ok(after)
    }

    /// The version in force, where it is the one that the change is based on.
    async fn unchanged(
        &self,
        transaction: &DatabaseTransaction,
        change: SettingsChange,
    ) -> Result<SettingsVersion, StoreError> {
        let before = self.settings_in(transaction).await?;
        match change.based_on {
            Some(expected) if expected != before.version => Err(StoreError::VersionMismatch {
                current: before.version,
            }),
            Some(_) | None => Ok(before),
        }
    }

    fn version_after(
        &self,
        before: &SettingsVersion,
        edition: Edition,
        branding: &Branding,
    ) -> email_settings::ActiveModel {
        email_settings::ActiveModel {
            tenant_id: Set(self.tenant_uuid()),
            version: Set(before.version + 1),
            edition: Set(edition.as_str().to_owned()),
            from_address: Set(Some(branding.from_address.to_string())),
            from_name: Set(branding.from_name.as_ref().map(ToString::to_string)),
            updated_at: Set(self.store.now_ms()),
            updated_by: Set(self.scope.actor().subject.clone()),
            ..<email_settings::ActiveModel as Default>::default()
        }
    }

    /// Writes the row after `before`, unless another writer was faster, and tells the audit log.
    async fn save(
        &self,
        (transaction, before): (&DatabaseTransaction, &SettingsVersion),
        row: email_settings::ActiveModel,
        change: SettingsChange,
    ) -> Result<(), StoreError> {
        let version = before.version + 1;
        match self.insert::<email_settings::Entity, _>(transaction, row).await {
            Ok(()) => {}
            Err(error) if StoreError::is_unique_violation(&error) => {
                return Err(StoreError::VersionMismatch { current: version });
            }
            Err(error) => return Err(error.into()),
        }
        let after = self.settings_in(transaction).await?;
        let action = match change.restores {
            Some(_) => "email_settings.restored",
            None => "email_settings.replaced",
        };
        let detail = json!({
            "before": described(&before.settings),
            "after": described(&after.settings),
            "restores": change.restores,
            "override": (change.untested == Untested::Overridden).then_some("untested"),
        });
        self.audit(transaction, Entry::new(action, version, detail)).await
    }
}

impl OwnConnection<'_> {
    /// Saves a connection and the From that goes with it as a new version. What the old ones kept waiting is tried at once.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] where somebody saved since; [`StoreError::Conflict`] where the vault does not hold the
    /// application any more.
    pub async fn replace(
        &self,
        branding: &Branding,
        connection: &Connection,
        change: SettingsChange,
    ) -> Result<SettingsVersion, StoreError> {
        let tenant = &self.tenant;
        let transaction = tenant.store.begin().await?;
        let before = tenant.unchanged(&transaction, change).await?;
        self.hold_application(&transaction, connection, before.version).await?;
        tenant.store.open_keys(&transaction, tenant.owner()).await?;
        let mut row = tenant.version_after(&before, Edition::OnPremises, branding);
        let place = (tenant.owner(), before.version + 1);
        tenant.store.write_connection(&mut row, place, connection)?;
        tenant.save((&transaction, &before), row, change).await?;
        let after = tenant.settings_in(&transaction).await?;
        transaction.commit().await?;
        tenant.release_held().await?;
        tenant.store.wake();
        Ok(after)
    }

    /// Keeps the application from being deleted or changed until the settings that name it are there.
    async fn hold_application(
        &self,
        transaction: &DatabaseTransaction,
        connection: &Connection,
        current: i64,
    ) -> Result<(), StoreError> {
        let Connection::O365(o365) = connection else {
            return Ok(());
        };
        match self.tenant.hold_vault_application(transaction, o365.secret).await? {
            Some((application, _)) if application == o365.application => Ok(()),
            // The checks looked at another application.
            Some(_) => Err(StoreError::VersionMismatch { current }),
            None => Err(StoreError::Conflict(
                "The vault does not hold this application any more.".to_owned(),
            )),
        }
    }
}

impl TenantStore<'_> {
    /// Makes mail of this tenant due that its settings kept waiting.
    ///
    /// Apart from the save: undone, it is only tried a little later.
    pub(crate) async fn release_held(&self) -> Result<(), StoreError> {
        let transaction = self.store.begin().await?;
        let now = self.store.database_now(&transaction).await?;
        crate::outbox::release_held_of(&transaction, self.tenant_uuid(), now).await?;
        Ok(transaction.commit().await?)
    }
}

/// Settings for the audit log: everything but the password, of which it says whether there is one.
fn described(settings: &EmailSettings) -> Value {
    let branding = settings.branding();
    let (smtp, o365) = match settings.connection() {
        None => (None, None),
        Some(Connection::Smtp(server)) => (Some(described_server(server)), None),
        Some(Connection::O365(o365)) => (None, Some(described_mailbox(o365))),
    };
    json!({
        "from_email_address": branding.map(|branding| branding.from_address.to_string()),
        "from_email_name": branding.and_then(|branding| branding.from_name.as_ref()).map(ToString::to_string),
        "smtp": smtp,
        "o365": o365,
    })
}

fn described_server(server: &SmtpServer) -> Value {
    json!({
        "email_server": server.host.to_string(),
        "port": server.port,
        "security": server.security.as_str(),
        "username": server.username(),
        "password_set": server.password().is_some(),
        "ca_certificate_pem": server.ca_certificate_pem,
    })
}

fn described_mailbox(o365: &O365) -> Value {
    json!({
        "send_email_application_secret_id": o365.secret.to_string(),
        "cloud": o365.cloud.as_str(),
        "save_to_sent_items": o365.save_to_sent_items,
    })
}
