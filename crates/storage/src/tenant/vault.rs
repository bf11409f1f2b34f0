//! SHIM
use domain::{connection::Application, ids::{TenantId, VaultSecretId}};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use super::TenantStore;
use crate::{Store, error::StoreError};
impl TenantStore<'_> {
    pub async fn vault_application(&self, id: VaultSecretId) -> Result<Option<(Application, i64)>, StoreError> {
        self.store.vault_application(self.store.read(), self.scope.id(), id).await
    }
    pub(crate) async fn hold_vault_application(&self, _: &DatabaseTransaction, _: VaultSecretId) -> Result<Option<(Application, i64)>, StoreError> { Ok(None) }
}
impl Store {
    pub(crate) async fn vault_application<C: ConnectionTrait>(&self, _: &C, _: TenantId, _: VaultSecretId) -> Result<Option<(Application, i64)>, StoreError> { Ok(None) }
}
