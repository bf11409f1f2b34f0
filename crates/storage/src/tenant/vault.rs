//! An on-premises tenant's vault. A client secret is sealed, and comes out only as part of an application for the relay.
//!
//! It is sealed for its row, its row's version and the registration it belongs to: neither an older value put back nor a
//! registration changed behind the store's back opens. So every change seals it anew.

use domain::{
    access::{OnPremScope, ProviderManaged},
    clock::{Timestamp, from_millis, to_millis},
    ids::VaultSecretId,
    secret::{ExposeSecret, SecretText},
    tenant::Edition,
    vault::{Registration, Template},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde_json::{Value, json};
use uuid::Uuid;

use self::sealed::{fields, parse_fields, place, sealed_row};
use super::{TenantStore, Untested};
use crate::{
    audit::Entry,
    entity::{email_settings, vault_secret},
    error::StoreError,
    page::{Page, PageRequest},
    provider::PasswordChange,
};

mod sealed;

/// An entry as it is written.
#[derive(Debug, Clone)]
pub struct VaultChange {
    /// What people call it.
    pub name: String,
    /// What it holds.
    pub template: Template,
    /// Whose client secret it is.
    pub registration: Registration,
    /// What becomes of the client secret.
    pub client_secret: PasswordChange,
    /// When the client secret ends, where that is known.
    pub expires_at: Option<Timestamp>,
}

/// What a change of an entry is based on, and what is taken upon themselves with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct VaultEdit {
    /// The entry's version that the change was made of; none where the caller does not mind.
    pub based_on: Option<i64>,
    /// The version of the email settings that the change was checked against; none where nothing had to be checked.
    pub settings: Option<i64>,
    /// Whether somebody took it upon themselves that no test covers the change.
    pub untested: Untested,
}

/// An entry as it can be read.
#[derive(Debug, Clone)]
pub struct VaultSecret {
    /// Its id.
    pub id: VaultSecretId,
    /// What people call it.
    pub name: String,
    /// What it holds.
    pub template: Template,
    /// Whose client secret it is.
    pub registration: Registration,
    /// When the client secret was given; none where there is none.
    pub client_secret_set_at: Option<Timestamp>,
    /// When the client secret ends, where that is known.
    pub expires_at: Option<Timestamp>,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

/// One on-premises tenant's vault.
#[derive(Clone, Copy)]
pub struct Vault<'a> {
    tenant: TenantStore<'a>,
    _leave: OnPremScope<'a>,
}

impl<'a> TenantStore<'a> {
    /// The tenant's vault.
    ///
    /// # Errors
    /// [`ProviderManaged`] for a Cloud tenant, which has none.
    pub fn vault(&self) -> Result<Vault<'a>, ProviderManaged> {
        let leave = self.scope.on_premises()?;
        Ok(Vault {
            tenant: *self,
            _leave: leave,
        })
    }

    fn vault_row(&self, id: VaultSecretId) -> sea_orm::Select<vault_secret::Entity> {
        self.select::<vault_secret::Entity>()
            .filter(vault_secret::Column::Id.eq(id.uuid()))
    }
}

impl Vault<'_> {
    /// Makes an entry.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn create(&self, new: VaultChange) -> Result<VaultSecret, StoreError> {
        let id = VaultSecretId::generate(self.tenant.store.ids());
        let now = self.tenant.store.now_ms();
        let by = self.tenant.scope.actor().subject.clone();
        let transaction = self.tenant.store.begin().await?;
        let detail = described(&new);
        let blank = vault_secret::Model {
            tenant_id: self.tenant.tenant_uuid(),
            id: id.uuid(),
            edition: Edition::OnPremises.as_str().to_owned(),
            name: String::new(),
            template: String::new(),
            fields: String::new(),
            sealed: None,
            sealed_at: None,
            expires_at: None,
            version: 0,
            created_at: now,
            created_by: by.clone(),
            updated_at: now,
            updated_by: by,
        };
        let row = self.changed(&transaction, blank, new).await?;
        self.tenant
            .insert::<vault_secret::Entity, _>(&transaction, row.clone())
            .await?;
        self.tenant
            .audit(&transaction, Entry::new("secret.created", id, detail))
            .await?;
        transaction.commit().await?;
        vault_secret(row)
    }

    /// Its entries, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn secrets(&self, page: PageRequest) -> Result<Page<VaultSecret>, StoreError> {
        let mut rows = self.tenant.select::<vault_secret::Entity>();
        if let Some(after) = page.after {
            rows = rows.filter(vault_secret::Column::Id.lt(after.uuid()));
        }
        let rows = rows
            .order_by_desc(vault_secret::Column::Id)
            .limit(page.limit + 1)
            .all(self.tenant.store.read())
            .await?;
        Page::of(rows, page, |row| row.id).try_map(vault_secret)
    }

    /// One entry.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn secret(&self, id: VaultSecretId) -> Result<VaultSecret, StoreError> {
        vault_secret(self.find(self.tenant.store.read(), id).await?)
    }

    /// Replaces an entry. Mail that waits for it is tried at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::VersionMismatch`], [`StoreError::Conflict`] where a client secret would be
    /// kept for another registration than the one it was given for, and where the email settings changed meanwhile.
    pub async fn replace(
        &self,
        id: VaultSecretId,
        change: VaultChange,
        edit: VaultEdit,
    ) -> Result<VaultSecret, StoreError> {
        let transaction = self.tenant.store.begin().await?;
        let before = self.locked(&transaction, id, edit.based_on).await?;
        let version = before.version;
        if edit.settings.is_some() && edit.settings != self.settings_version(&transaction).await? {
            return Err(StoreError::Conflict(
                "The email settings have just changed; try again.".to_owned(),
            ));
        }
        let mut detail = described(&change);
        if edit.untested == Untested::Overridden
            && let Some(detail) = detail.as_object_mut()
        {
            detail.insert("override".to_owned(), json!("untested"));
        }
        let mut after = self.changed(&transaction, before, change).await?;
        after.updated_at = self.tenant.store.now_ms();
        after.updated_by.clone_from(&self.tenant.scope.actor().subject);
        self.overwrite(&transaction, after.clone(), version).await?;
        self.tenant
            .audit(&transaction, Entry::new("secret.replaced", id, detail))
            .await?;
        transaction.commit().await?;
        self.tenant.release_held().await?;
        self.tenant.store.wake();
        vault_secret(after)
    }

    /// Deletes an entry; `based_on` is the version that the caller knows, if they mind.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the email settings in force use it; [`StoreError::VersionMismatch`];
    /// [`StoreError::NotFound`].
    pub async fn delete(&self, id: VaultSecretId, based_on: Option<i64>) -> Result<(), StoreError> {
        let transaction = self.tenant.store.begin().await?;
        let row = self.locked(&transaction, id, based_on).await?;
        if self.in_use(&transaction).await? == Some(id.uuid()) {
            return Err(StoreError::Conflict(
                "The email settings use this secret; save them with another one first.".to_owned(),
            ));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a deletion has no scoped builder; the tenant is the first condition"
        )]
        let delete = vault_secret::Entity::delete_many();
        delete
            .filter(vault_secret::Column::TenantId.eq(self.tenant.tenant_uuid()))
            .filter(vault_secret::Column::Id.eq(id.uuid()))
            .exec(&transaction)
            .await?;
        self.tenant
            .audit(
                &transaction,
                Entry::new("secret.deleted", id, json!({ "name": row.name })),
            )
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn find<C: ConnectionTrait>(
        &self,
        connection: &C,
        id: VaultSecretId,
    ) -> Result<vault_secret::Model, StoreError> {
        let row = self.tenant.vault_row(id).one(connection).await?;
        row.ok_or(StoreError::NotFound("secret"))
    }

    /// The entry at the version that a change is based on. Waits for settings that are just being saved with it, and they for
    /// this.
    async fn locked(
        &self,
        transaction: &DatabaseTransaction,
        id: VaultSecretId,
        based_on: Option<i64>,
    ) -> Result<vault_secret::Model, StoreError> {
        let row = self.tenant.vault_row(id).lock_exclusive().one(transaction).await?;
        let row = row.ok_or(StoreError::NotFound("secret"))?;
        match based_on {
            Some(expected) if expected != row.version => Err(StoreError::VersionMismatch { current: row.version }),
            Some(_) | None => Ok(row),
        }
    }

    /// The version of the email settings in force; 0 before the first.
    async fn settings_version<C: ConnectionTrait>(&self, connection: &C) -> Result<Option<i64>, StoreError> {
        let newest = self
            .tenant
            .select::<email_settings::Entity>()
            .select_only()
            .column(email_settings::Column::Version)
            .order_by_desc(email_settings::Column::Version)
            .limit(1)
            .into_tuple::<i64>()
            .one(connection)
            .await?;
        Ok(Some(newest.unwrap_or(0)))
    }

    /// The entry that the email settings in force name.
    async fn in_use<C: ConnectionTrait>(&self, connection: &C) -> Result<Option<Uuid>, StoreError> {
        let newest = self
            .tenant
            .select::<email_settings::Entity>()
            .select_only()
            .column(email_settings::Column::ApplicationSecretId)
            .order_by_desc(email_settings::Column::Version)
            .limit(1)
            .into_tuple::<Option<Uuid>>()
            .one(connection)
            .await?;
        Ok(newest.flatten())
    }

    /// The row after a change, one version on, its client secret sealed for that version.
    async fn changed<C: ConnectionTrait>(
        &self,
        connection: &C,
        before: vault_secret::Model,
        change: VaultChange,
    ) -> Result<vault_secret::Model, StoreError> {
        self.tenant.store.open_keys(connection, self.tenant.owner()).await?;
        let secret = match change.client_secret {
            PasswordChange::Set(secret) => Some((secret, self.tenant.store.now_ms())),
            PasswordChange::Remove => None,
            PasswordChange::Keep => self.kept(&before, &change.registration)?,
        };
        let mut after = vault_secret::Model {
            name: change.name,
            template: change.template.as_str().to_owned(),
            fields: fields(&change.registration).to_string(),
            sealed: None,
            sealed_at: None,
            expires_at: change.expires_at.map(to_millis),
            version: before.version + 1,
            ..before
        };
        if let Some((secret, at)) = secret {
            let row = sealed_row(&after, &change.registration);
            let place = place(self.tenant.owner(), &row);
            let plain = secret.expose_secret().as_bytes();
            after.sealed = Some(self.tenant.store.keyring().seal(place, plain)?);
            after.sealed_at = Some(at);
        }
        Ok(after)
    }

    /// The stored client secret and when it was given, where it may stay.
    fn kept(
        &self,
        before: &vault_secret::Model,
        registration: &Registration,
    ) -> Result<Option<(SecretText, i64)>, StoreError> {
        let Some(at) = before.sealed_at else {
            return Ok(None);
        };
        if parse_fields(before)? != *registration {
            return Err(StoreError::Conflict(
                "The stored client secret belongs to another registration; give it again.".to_owned(),
            ));
        }
        let secret = self.tenant.store.client_secret(before, registration)?;
        Ok(secret.map(|secret| (secret, at)))
    }

    /// Writes the row over the version it was made from, unless another writer was faster.
    async fn overwrite(
        &self,
        transaction: &DatabaseTransaction,
        after: vault_secret::Model,
        version: i64,
    ) -> Result<(), StoreError> {
        let current = after.version;
        let id = after.id;
        #[expect(
            clippy::disallowed_methods,
            reason = "an update has no scoped builder; the tenant is the first condition"
        )]
        let update = vault_secret::Entity::update_many();
        let row = vault_secret::ActiveModel {
            name: Set(after.name),
            template: Set(after.template),
            fields: Set(after.fields),
            sealed: Set(after.sealed),
            sealed_at: Set(after.sealed_at),
            expires_at: Set(after.expires_at),
            version: Set(after.version),
            updated_at: Set(after.updated_at),
            updated_by: Set(after.updated_by),
            ..<vault_secret::ActiveModel as Default>::default()
        };
        let done = update
            .set(row)
            .filter(vault_secret::Column::TenantId.eq(self.tenant.tenant_uuid()))
            .filter(vault_secret::Column::Id.eq(id))
            .filter(vault_secret::Column::Version.eq(version))
            .exec(transaction)
            .await?;
        if done.rows_affected == 0 {
            return Err(StoreError::VersionMismatch { current });
        }
        Ok(())
    }
}

/// A change for the audit log: what can be read, and of the client secret that it was changed.
fn described(change: &VaultChange) -> Value {
    json!({
        "name": change.name,
        "template": change.template.as_str(),
        "fields": fields(&change.registration),
        "client_secret": match change.client_secret {
            PasswordChange::Keep => "kept",
            PasswordChange::Remove => "removed",
            PasswordChange::Set(_) => "changed",
        },
        "expires_at": change.expires_at.map(|at| at.to_rfc3339()),
    })
}

fn vault_secret(row: vault_secret::Model) -> Result<VaultSecret, StoreError> {
    Ok(VaultSecret {
        id: VaultSecretId::new(row.id),
        template: row.template.parse().map_err(|_| StoreError::Corrupt("template"))?,
        registration: parse_fields(&row)?,
        client_secret_set_at: row.sealed_at.map(from_millis),
        expires_at: row.expires_at.map(from_millis),
        version: row.version,
        created_at: from_millis(row.created_at),
        created_by: row.created_by,
        updated_at: from_millis(row.updated_at),
        updated_by: row.updated_by,
        name: row.name,
    })
}
