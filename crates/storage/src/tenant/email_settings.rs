//! Email settings: every version is kept, the highest is in force. A race of two writers is decided by the primary key.

use std::collections::HashMap;

use domain::{
    branding::Branding,
    clock::{Timestamp, from_millis},
    connection::EmailSettings,
    tenant::Edition,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::json;
use uuid::Uuid;

use super::TenantStore;
use crate::{audit::Entry, entity::email_settings, error::StoreError};

/// One version of a tenant's email settings.
#[derive(Debug, Clone)]
pub struct SettingsVersion {
    /// The settings.
    pub settings: EmailSettings,
    /// 0 before anything was saved.
    pub version: i64,
    /// When it was saved.
    pub updated_at: Option<Timestamp>,
    /// By whom.
    pub updated_by: Option<String>,
}

impl SettingsVersion {
    /// What recipients see, where it is set.
    #[must_use]
    pub const fn branding(&self) -> Option<&Branding> {
        match &self.settings {
            EmailSettings::Cloud { branding } => Some(branding),
            EmailSettings::OnPremises { branding, .. } => branding.as_ref(),
        }
    }
}

impl TenantStore<'_> {
    /// The settings in force.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn email_settings(&self) -> Result<SettingsVersion, StoreError> {
        self.settings_in(self.store.read()).await
    }

    /// What recipients see, as sending knows it: a change made by another process is seen a second later at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn branding(&self) -> Result<Option<Branding>, StoreError> {
        let id = self.tenant_uuid();
        let contexts = self.store.contexts(vec![id]).await?;
        Ok(contexts.get(&id).and_then(|context| context.branding.clone()))
    }

    /// Saves a Cloud tenant's branding as a new version; `expected` is the version the change is based on.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] where somebody saved since.
    pub async fn replace_branding(
        &self,
        branding: &Branding,
        expected: Option<i64>,
    ) -> Result<SettingsVersion, StoreError> {
        let transaction = self.store.begin().await?;
        let before = self.settings_in(&transaction).await?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(StoreError::VersionMismatch {
                current: before.version,
            });
        }
        let row = email_settings::ActiveModel {
            tenant_id: Set(self.tenant_uuid()),
            version: Set(before.version + 1),
            edition: Set(Edition::Cloud.as_str().to_owned()),
            from_address: Set(Some(branding.from_address.to_string())),
            from_name: Set(branding.from_name.as_ref().map(ToString::to_string)),
            updated_at: Set(self.store.now_ms()),
            updated_by: Set(self.scope.actor().subject.clone()),
        };
        match self.insert::<email_settings::Entity, _>(&transaction, row).await {
            Ok(()) => {}
            Err(error) if StoreError::is_unique_violation(&error) => {
                return Err(StoreError::VersionMismatch {
                    current: before.version + 1,
                });
            }
            Err(error) => return Err(error.into()),
        }
        let detail = json!({ "before": described(before.branding()), "after": described(Some(branding)) });
        self.audit(
            &transaction,
            Entry::new("email_settings.replaced", before.version + 1, detail),
        )
        .await?;
        let after = self.settings_in(&transaction).await?;
        transaction.commit().await?;
        self.store.wake();
        Ok(after)
    }

    async fn settings_in<C: ConnectionTrait>(&self, connection: &C) -> Result<SettingsVersion, StoreError> {
        let row = self
            .select::<email_settings::Entity>()
            .order_by_desc(email_settings::Column::Version)
            .one(connection)
            .await?;
        match row {
            Some(row) => settings_version(row),
            None => Ok(SettingsVersion {
                settings: EmailSettings::OnPremises {
                    branding: None,
                    connection: None,
                },
                version: 0,
                updated_at: None,
                updated_by: None,
            }),
        }
    }
}

fn described(branding: Option<&Branding>) -> serde_json::Value {
    json!({
        "from_email_address": branding.map(|b| b.from_address.to_string()),
        "from_email_name": branding.and_then(|b| b.from_name.as_ref()).map(ToString::to_string),
    })
}

fn settings_version(row: email_settings::Model) -> Result<SettingsVersion, StoreError> {
    let edition: Edition = row.edition.parse().map_err(|_| StoreError::Corrupt("edition"))?;
    let branding = branding(&row)?;
    let settings = match (edition, branding) {
        (Edition::Cloud, Some(branding)) => EmailSettings::Cloud { branding },
        (Edition::Cloud, None) => return Err(StoreError::Corrupt("branding")),
        (Edition::OnPremises, branding) => EmailSettings::OnPremises {
            branding,
            connection: None,
        },
    };
    Ok(SettingsVersion {
        settings,
        version: row.version,
        updated_at: Some(from_millis(row.updated_at)),
        updated_by: Some(row.updated_by),
    })
}

fn branding(row: &email_settings::Model) -> Result<Option<Branding>, StoreError> {
    let Some(address) = &row.from_address else {
        return Ok(None);
    };
    Ok(Some(Branding {
        from_address: address.parse().map_err(|_| StoreError::Corrupt("From address"))?,
        from_name: row
            .from_name
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|_| StoreError::Corrupt("From name"))?,
    }))
}

/// The brandings in force of several tenants, for a batch of claims.
#[expect(clippy::disallowed_methods, reason = "the relay's claim works across tenants")]
pub(crate) async fn current_brandings<C: ConnectionTrait>(
    connection: &C,
    tenants: &[Uuid],
) -> Result<HashMap<Uuid, Branding>, StoreError> {
    let mut found = HashMap::new();
    for tenant in tenants {
        let row = email_settings::Entity::find()
            .filter(email_settings::Column::TenantId.eq(*tenant))
            .order_by_desc(email_settings::Column::Version)
            .one(connection)
            .await?;
        if let Some(branding) = row.as_ref().map(branding).transpose()?.flatten() {
            found.insert(*tenant, branding);
        }
    }
    Ok(found)
}

/// The first settings of a new Cloud tenant.
pub(crate) async fn insert_first<C: ConnectionTrait>(
    connection: &C,
    tenant: Uuid,
    branding: &Branding,
    by: (&str, i64),
) -> Result<(), StoreError> {
    let row = email_settings::ActiveModel {
        tenant_id: Set(tenant),
        version: Set(1),
        edition: Set(Edition::Cloud.as_str().to_owned()),
        from_address: Set(Some(branding.from_address.to_string())),
        from_name: Set(branding.from_name.as_ref().map(ToString::to_string)),
        updated_at: Set(by.1),
        updated_by: Set(by.0.to_owned()),
    };
    row.insert(connection).await?;
    Ok(())
}
