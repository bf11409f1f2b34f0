//! A tenant's preferences. They are read by every attempt, so a change counts for what waits already.

use domain::{
    clock::{Timestamp, from_millis},
    preferences::{CodeInSubject, Preferences},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use super::TenantStore;
use crate::{audit::Entry, entity::preferences, error::StoreError};

/// What becomes of a tenant's mail of unknown outcome, as a column of a statement on `deliveries`: `resend`, `hold`, or NULL
/// for the default.
pub(crate) const ON_OUTCOME_UNKNOWN: &str = "(SELECT p.on_outcome_unknown FROM preferences p \
                                             WHERE p.tenant_id = deliveries.tenant_id) AS on_outcome_unknown";

/// A tenant's preferences as they are kept.
#[derive(Debug, Clone)]
pub struct PreferencesVersion {
    /// The preferences; the defaults before anything was saved.
    pub preferences: Preferences,
    /// 0 before anything was saved.
    pub version: i64,
    /// When it was saved.
    pub updated_at: Option<Timestamp>,
    /// By whom.
    pub updated_by: Option<String>,
}

impl TenantStore<'_> {
    /// The preferences in force.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn preferences(&self) -> Result<PreferencesVersion, StoreError> {
        self.preferences_in(self.store.read()).await
    }

    /// Saves all preferences; `expected` is the version the change is based on.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`] where somebody saved since.
    pub async fn replace_preferences(
        &self,
        new: &Preferences,
        expected: Option<i64>,
    ) -> Result<PreferencesVersion, StoreError> {
        let transaction = self.store.begin().await?;
        let before = self.preferences_in(&transaction).await?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(StoreError::VersionMismatch {
                current: before.version,
            });
        }
        self.write_preferences(&transaction, new, before.version).await?;
        let detail = json!({ "before": described(&before.preferences), "after": described(new) });
        self.audit(
            &transaction,
            Entry::new("preferences.replaced", before.version + 1, detail),
        )
        .await?;
        let after = self.preferences_in(&transaction).await?;
        transaction.commit().await?;
        Ok(after)
    }

    /// Writes the version after `before`, unless another writer was faster.
    async fn write_preferences(
        &self,
        transaction: &DatabaseTransaction,
        new: &Preferences,
        before: i64,
    ) -> Result<(), StoreError> {
        let row = preferences::ActiveModel {
            tenant_id: Set(self.tenant_uuid()),
            brand_name: Set(new.brand_name.as_ref().map(ToString::to_string)),
            accent_color: Set(new.accent_color.as_ref().map(|color| color.as_str().to_owned())),
            code_in_subject: Set(i64::from(new.code_in_subject == CodeInSubject::Shown)),
            retention_days: Set(i64::from(new.retention_days)),
            on_outcome_unknown: Set(new.on_outcome_unknown.as_str().to_owned()),
            version: Set(before + 1),
            updated_at: Set(self.store.now_ms()),
            updated_by: Set(self.scope.actor().subject.clone()),
        };
        let faster = || StoreError::VersionMismatch { current: before + 1 };
        if before == 0 {
            return match self.insert::<preferences::Entity, _>(transaction, row).await {
                Err(error) if StoreError::is_unique_violation(&error) => Err(faster()),
                done => Ok(done?),
            };
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "an update has no scoped builder; the tenant is the first condition"
        )]
        let update = preferences::Entity::update_many();
        let done = update
            .set(row)
            .filter(preferences::Column::TenantId.eq(self.tenant_uuid()))
            .filter(preferences::Column::Version.eq(before))
            .exec(transaction)
            .await?;
        if done.rows_affected == 0 { Err(faster()) } else { Ok(()) }
    }

    async fn preferences_in<C: ConnectionTrait>(&self, connection: &C) -> Result<PreferencesVersion, StoreError> {
        let row = self.select::<preferences::Entity>().one(connection).await?;
        row.map_or_else(
            || {
                Ok(PreferencesVersion {
                    preferences: Preferences::default(),
                    version: 0,
                    updated_at: None,
                    updated_by: None,
                })
            },
            kept,
        )
    }
}

fn kept(row: preferences::Model) -> Result<PreferencesVersion, StoreError> {
    let brand_name = row.brand_name.as_deref().map(str::parse).transpose();
    let accent_color = row.accent_color.as_deref().map(str::parse).transpose();
    Ok(PreferencesVersion {
        preferences: Preferences {
            brand_name: brand_name.map_err(|_| StoreError::Corrupt("brand name"))?,
            accent_color: accent_color.map_err(|_| StoreError::Corrupt("accent color"))?,
            code_in_subject: if row.code_in_subject == 0 {
                CodeInSubject::Hidden
            } else {
                CodeInSubject::Shown
            },
            retention_days: u32::try_from(row.retention_days).map_err(|_| StoreError::Corrupt("retention"))?,
            on_outcome_unknown: row
                .on_outcome_unknown
                .parse()
                .map_err(|_| StoreError::Corrupt("on_outcome_unknown"))?,
        },
        version: row.version,
        updated_at: Some(from_millis(row.updated_at)),
        updated_by: Some(row.updated_by),
    })
}

fn described(preferences: &Preferences) -> Value {
    json!({
        "brand_name": preferences.brand_name.as_ref().map(ToString::to_string),
        "accent_color": preferences.accent_color.as_ref().map(domain::preferences::AccentColor::as_str),
        "code_in_subject": preferences.code_in_subject == CodeInSubject::Shown,
        "retention_days": preferences.retention_days,
        "on_outcome_unknown": preferences.on_outcome_unknown.as_str(),
    })
}
