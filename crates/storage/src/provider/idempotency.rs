//! Answers that the provider's calls keep under the caller's key, beside the nil tenant.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait};

use super::ProviderStore;
use crate::{
    entity::idempotency_key,
    error::StoreError,
    outbox::{Idempotency, KEY_LIFE_MS, Submitted},
    seal::Owner,
};

impl ProviderStore<'_> {
    /// What was answered under this key, if anything was.
    pub(super) async fn earlier_answer<C: ConnectionTrait>(
        &self,
        connection: &C,
        key: &Idempotency,
    ) -> Result<Option<Submitted>, StoreError> {
        let row = self.key_row(key)?;
        let primary = (Owner::Provider.uuid(), key.operation.to_owned(), row.key_hash);
        #[expect(
            clippy::disallowed_methods,
            reason = "all key columns are given, the provider's first"
        )]
        let found = idempotency_key::Entity::find_by_id(primary).one(connection).await?;
        let alive = found.filter(|earlier| earlier.created_at >= self.store.now_ms() - KEY_LIFE_MS);
        let Some(earlier) = alive else {
            return Ok(None);
        };
        if earlier.body_hash != row.body_hash {
            return Ok(Some(Submitted::KeyReused));
        }
        Ok(Some(Submitted::Replayed {
            status: u16::try_from(earlier.status).map_err(|_| StoreError::Corrupt("status"))?,
            location: earlier.location,
            answer: earlier.answer,
        }))
    }

    /// Keeps an answer; the caller has seen under a lock that there is none.
    pub(super) async fn keep_answer<C: ConnectionTrait>(
        &self,
        connection: &C,
        key: &Idempotency,
    ) -> Result<(), StoreError> {
        let row = self.key_row(key)?;
        let primary = (row.tenant_id, row.operation.clone(), row.key_hash.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "all key columns are given, the provider's first"
        )]
        let outlived = idempotency_key::Entity::delete_by_id(primary);
        outlived.exec(connection).await?;
        idempotency_key::ActiveModel {
            tenant_id: Set(row.tenant_id),
            operation: Set(row.operation),
            key_hash: Set(row.key_hash),
            body_hash: Set(row.body_hash),
            status: Set(row.status),
            location: Set(row.location),
            answer: Set(row.answer),
            created_at: Set(row.created_at),
        }
        .insert(connection)
        .await?;
        Ok(())
    }

    fn key_row(&self, key: &Idempotency) -> Result<idempotency_key::Model, StoreError> {
        Ok(idempotency_key::Model {
            tenant_id: Owner::Provider.uuid(),
            operation: key.operation.to_owned(),
            key_hash: self.store.keyed_hash("idempotency_key", key.key.as_bytes())?,
            body_hash: self.store.keyed_hash("idempotency_body", &key.body)?,
            status: i64::from(key.status),
            location: key.location.clone(),
            answer: key.answer.clone(),
            created_at: self.store.now_ms(),
        })
    }
}
