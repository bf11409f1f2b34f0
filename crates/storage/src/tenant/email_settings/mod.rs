//! Email settings: every version is kept, the highest is in force. A race of two writers is decided by the primary key.

use std::{collections::HashMap, sync::Arc};

use chrono::Duration;
use domain::{
    branding::Branding,
    clock::{Timestamp, from_millis},
    connection::{Cloud, Connection, EmailSettings, SmtpServer},
    ids::VaultSecretId,
    message::kind::Kind,
    tenant::Edition,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::TenantStore;
use crate::{
    Store,
    entity::email_settings,
    error::StoreError,
    page::{Page, PageRequest},
};

mod row;
mod save;
mod tested;

use row::{closed, unusable};
pub use save::{OwnConnection, SettingsChange, Untested};

/// How far back sign-in codes are looked for before a connection is changed.
const CODES_WITHIN: Duration = Duration::days(30);

/// One version of a tenant's email settings.
#[derive(Debug, Clone)]
pub struct SettingsVersion {
    /// The settings.
    pub settings: EmailSettings,
    /// What is stored of a connection that nothing can be sent by; the settings then have none.
    pub unusable: Option<Unusable>,
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
        self.settings.branding()
    }
}

/// What can still be read of a connection that lacks what is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// An SMTP server whose password does not open. It is given here without one.
    Server(SmtpServer),
    /// A mailbox whose secret is incomplete, gone, or does not open.
    Mailbox {
        /// The secret.
        secret: VaultSecretId,
        /// Microsoft's cloud.
        cloud: Cloud,
        /// Whether a copy is kept in *Sent Items*.
        save_to_sent_items: bool,
    },
}

/// One version in the history of a tenant's email settings.
#[derive(Debug, Clone)]
pub struct PastSettings {
    /// Which.
    pub version: i64,
    /// When it was saved.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
    /// Whether a test email passed with its values in the last 24 hours.
    pub tested: bool,
}

/// What accepting mail asks of a tenant that can send.
#[derive(Debug, Clone)]
pub struct Sending {
    /// What recipients see.
    pub branding: Branding,
    /// An on-premises tenant's own way out.
    pub connection: Option<Arc<Connection>>,
}

impl TenantStore<'_> {
    /// How the tenant sends, if it can, as the relay knows it: a change made by another process is seen a second later at
    /// most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sending(&self) -> Result<Option<Sending>, StoreError> {
        let id = self.tenant_uuid();
        let contexts = self.store.contexts(vec![id]).await?;
        let Some(context) = contexts.get(&id) else {
            return Ok(None);
        };
        let configured = self.scope.edition() == Edition::Cloud || context.connection.is_some();
        let branding = context.branding.clone().filter(|_| configured);
        Ok(branding.map(|branding| Sending {
            branding,
            connection: context.connection.clone(),
        }))
    }

    /// The settings in force.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn email_settings(&self) -> Result<SettingsVersion, StoreError> {
        self.settings_in(self.store.read()).await
    }

    /// The settings as one version had them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there never was such a version.
    pub async fn email_settings_version(&self, version: i64) -> Result<SettingsVersion, StoreError> {
        let row = self
            .select::<email_settings::Entity>()
            .filter(email_settings::Column::Version.eq(version))
            .one(self.store.read())
            .await?
            .ok_or(StoreError::NotFound("version"))?;
        self.opened(self.store.read(), row).await
    }

    /// The history, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn email_settings_history(&self, page: PageRequest) -> Result<Page<PastSettings>, StoreError> {
        let read = self.store.read();
        let mut rows = self.select::<email_settings::Entity>();
        if let Some(after) = page.after {
            let version = i64::try_from(after.uuid().as_u128()).unwrap_or(0);
            rows = rows.filter(email_settings::Column::Version.lt(version));
        }
        let rows = rows
            .order_by_desc(email_settings::Column::Version)
            .limit(page.limit + 1)
            .all(read)
            .await?;
        let passed = self.passed_tests(read).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let tested = match self.store.settings_of(read, &row).await {
                Ok(settings) => self.is_among(&passed, &settings)?,
                Err(StoreError::Unavailable(error)) => return Err(StoreError::Unavailable(error)),
                // What does not open is shown, and was not tested.
                Err(_) => false,
            };
            items.push(PastSettings {
                version: row.version,
                updated_at: from_millis(row.updated_at),
                updated_by: row.updated_by,
                tested,
            });
        }
        Ok(Page::of(items, page, |item| {
            Uuid::from_u128(u128::try_from(item.version).unwrap_or_default())
        }))
    }

    /// Whether people of this tenant were sent sign-in codes lately: if mail fails them, they are locked out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sends_codes(&self) -> Result<bool, StoreError> {
        let since = self.store.now() - CODES_WITHIN;
        self.has_submitted(Kind::TwoFactorCode, since).await
    }

    async fn settings_in<C: ConnectionTrait>(&self, connection: &C) -> Result<SettingsVersion, StoreError> {
        let row = self
            .select::<email_settings::Entity>()
            .order_by_desc(email_settings::Column::Version)
            .one(connection)
            .await?;
        match row {
            Some(row) => self.opened(connection, row).await,
            None => Ok(SettingsVersion {
                settings: EmailSettings::OnPremises {
                    branding: None,
                    connection: None,
                },
                unusable: None,
                version: 0,
                updated_at: None,
                updated_by: None,
            }),
        }
    }

    /// A version, also where its connection does not open: who cannot read it could not mend it either.
    async fn opened<C: ConnectionTrait>(
        &self,
        connection: &C,
        row: email_settings::Model,
    ) -> Result<SettingsVersion, StoreError> {
        let (settings, unusable) = match self.store.settings_of(connection, &row).await {
            Ok(settings) if settings.is_configured() => (settings, None),
            Ok(settings) => (settings, unusable(&row)?),
            Err(error @ StoreError::Tampered(_)) => {
                tracing::error!(
                    tenant.id = %row.tenant_id, settings.version = row.version,
                    error = &error as &dyn std::error::Error, "a tenant's email settings do not open"
                );
                (closed(&row)?, unusable(&row)?)
            }
            Err(error) => return Err(error),
        };
        Ok(SettingsVersion {
            settings,
            unusable,
            version: row.version,
            updated_at: Some(from_millis(row.updated_at)),
            updated_by: Some(row.updated_by),
        })
    }
}

impl Store {
    /// The settings in force of several tenants, for a batch of claims. One that cannot be read is left out: it must not keep
    /// the others' mail.
    #[expect(clippy::disallowed_methods, reason = "the relay's claim works across tenants")]
    pub(crate) async fn current_settings<C: ConnectionTrait>(
        &self,
        connection: &C,
        tenants: &[Uuid],
    ) -> Result<HashMap<Uuid, EmailSettings>, StoreError> {
        let mut found = HashMap::new();
        for tenant in tenants {
            let row = email_settings::Entity::find()
                .filter(email_settings::Column::TenantId.eq(*tenant))
                .order_by_desc(email_settings::Column::Version)
                .one(connection)
                .await?;
            let Some(row) = row else {
                continue;
            };
            match self.settings_of(connection, &row).await {
                Ok(settings) => drop(found.insert(*tenant, settings)),
                Err(StoreError::Unavailable(error)) => return Err(StoreError::Unavailable(error)),
                Err(error) => tracing::error!(
                    tenant.id = %tenant, error = &error as &dyn std::error::Error,
                    "a tenant's email settings cannot be read; its mail waits"
                ),
            }
        }
        Ok(found)
    }
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
        ..<email_settings::ActiveModel as Default>::default()
    };
    row.insert(connection).await?;
    Ok(())
}
