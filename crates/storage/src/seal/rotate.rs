//! A new master key: every data key wrapped anew in one transaction, so that the database has the old one or the new one.
//!
//! The data keys themselves stay, and so does everything that was sealed with them; the master key wraps nothing else.

use std::sync::Arc;

use domain::{crash::Point, ids::TenantId, secret::Secret};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use serde_json::json;
use uuid::Uuid;

use super::{Owner, master::MasterKey};
use crate::{Store, audit::Entry, checkup::Keys, entity::sealing_key, error::StoreError, provider::ProviderStore};

impl ProviderStore<'_> {
    /// Wraps every data key with `new` instead of the present master key; says how many there are. Processes that share the
    /// store go on with the data keys they have opened, and look for the new master key where they need another.
    ///
    /// # Errors
    /// [`StoreError::WrongMasterKey`] where the present master key does not open one of them; nothing is changed then.
    pub async fn rotate_master_key(&self, new: &Secret<[u8; 32]>) -> Result<usize, StoreError> {
        let next = Arc::new(MasterKey::new(new)?);
        let transaction = self.store.begin().await?;
        self.store.lock_schema(&transaction).await?;
        // Whoever is making a key holds the provider's row to its end. So only once this is had are all keys to be seen, and
        // the statement that reads them has to be a later one.
        keys_of(Owner::Provider).lock_exclusive().all(&transaction).await?;
        let rows = every_key().lock_exclusive().all(&transaction).await?;
        let count = rows.len();
        for row in rows {
            self.store.wrap_anew(&transaction, row, &next).await?;
        }
        self.audit(
            &transaction,
            Entry::new("master_key.rotated", "master key", json!({ "data_keys": count })),
        )
        .await?;
        Point::BeforeRotateCommit.reach();
        transaction.commit().await?;
        Point::AfterRotateCommit.reach();
        self.store.keyring().master.replace(next);
        self.store.inner.backend.truncate_log().await?;
        Ok(count)
    }
}

impl Store {
    async fn wrap_anew<C: ConnectionTrait>(
        &self,
        connection: &C,
        row: sealing_key::Model,
        next: &MasterKey,
    ) -> Result<(), StoreError> {
        let owner = owner_of(row.tenant_id);
        let version = u32::try_from(row.version).map_err(|_| StoreError::Corrupt("key version"))?;
        let (_, key) = self.keyring().master.unwrap(owner, version, &row.wrapped)?;
        let wrapped = next.wrap(owner, version, &key)?;
        // A key that does not come out again would be lost for ever.
        if *next.unwrap(owner, version, &wrapped)? != *key {
            return Err(StoreError::Tampered("sealing_keys"));
        }
        let mut row = row.into_active_model();
        row.wrapped = Set(wrapped);
        row.update(connection).await?;
        Ok(())
    }

    /// The master key that a new data key has to be wrapped with: the database's, which stays so until the transaction ends.
    pub(super) async fn master_key_in_force<C: ConnectionTrait>(
        &self,
        connection: &C,
    ) -> Result<Arc<MasterKey>, StoreError> {
        let row = keys_of(Owner::Provider)
            .order_by_desc(sealing_key::Column::Version)
            .lock_shared()
            .one(connection)
            .await?;
        let Some(row) = row else {
            // An empty database has the key it is given.
            return Ok(self.keyring().master.present());
        };
        let version = u32::try_from(row.version).map_err(|_| StoreError::Corrupt("key version"))?;
        let (master, _) = self.keyring().master.unwrap(Owner::Provider, version, &row.wrapped)?;
        Ok(master)
    }
}

/// How many of the database's data keys open with that one of these master keys which opens most.
pub(crate) async fn try_keys<C: ConnectionTrait>(
    connection: &C,
    candidates: &[Secret<[u8; 32]>],
) -> Result<Keys, StoreError> {
    let rows = every_key().all(connection).await?;
    if rows.is_empty() {
        return Ok(Keys::None);
    }
    let mut opened = 0;
    for candidate in candidates {
        let master = MasterKey::new(candidate)?;
        let opens = |row: &&sealing_key::Model| {
            u32::try_from(row.version)
                .is_ok_and(|version| master.unwrap(owner_of(row.tenant_id), version, &row.wrapped).is_ok())
        };
        opened = opened.max(rows.iter().filter(opens).count());
    }
    let of = rows.len();
    Ok(if opened == of {
        Keys::Open(of)
    } else {
        Keys::Closed {
            closed: of - opened,
            of,
        }
    })
}

/// The keys of an owner.
#[expect(
    clippy::disallowed_methods,
    reason = "keys are looked up by their owner, a tenant or the provider"
)]
pub(super) fn keys_of(owner: Owner) -> Select<sealing_key::Entity> {
    sealing_key::Entity::find().filter(sealing_key::Column::TenantId.eq(owner.uuid()))
}

#[expect(clippy::disallowed_methods, reason = "the master key wraps the keys of all tenants")]
fn every_key() -> Select<sealing_key::Entity> {
    sealing_key::Entity::find()
        .order_by_asc(sealing_key::Column::TenantId)
        .order_by_asc(sealing_key::Column::Version)
}

fn owner_of(uuid: Uuid) -> Owner {
    if uuid.is_nil() {
        Owner::Provider
    } else {
        Owner::Tenant(TenantId::new(uuid))
    }
}
