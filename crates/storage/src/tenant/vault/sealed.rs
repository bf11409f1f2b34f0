//! What an entry of the vault is sealed for, and how it comes out again: as an [`Application`], for settings and for mail.

use domain::{
    connection::Application,
    ids::{TenantId, VaultSecretId},
    secret::{SecretText, secret_text},
    vault::{Registration, Template},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait, QuerySelect};
use serde_json::{Value, json};

use crate::{
    Store,
    entity::vault_secret,
    error::StoreError,
    seal::{Owner, Place},
    tenant::TenantStore,
};

impl TenantStore<'_> {
    /// The application that an entry of this tenant's vault holds, with the entry's version; none where there is no such
    /// entry, where it is of another template, and where it lacks the client secret.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] where the client secret does not open.
    pub async fn vault_application(&self, id: VaultSecretId) -> Result<Option<(Application, i64)>, StoreError> {
        let tenant = self.scope.id();
        self.store.vault_application(self.store.read(), tenant, id).await
    }

    /// The same, for settings that name the entry and are saved by `transaction`: until its end the entry is not deleted.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] where the client secret does not open.
    pub(crate) async fn hold_vault_application(
        &self,
        transaction: &DatabaseTransaction,
        id: VaultSecretId,
    ) -> Result<Option<(Application, i64)>, StoreError> {
        let row = self.vault_row(id).lock_shared().one(transaction).await?;
        self.store.application(transaction, row).await
    }
}

impl Store {
    /// The application that an entry of a tenant's vault holds, with the entry's version; none where there is no such entry,
    /// where it is of another template, and where it lacks the client secret.
    pub(crate) async fn vault_application<C: ConnectionTrait>(
        &self,
        connection: &C,
        tenant: TenantId,
        id: VaultSecretId,
    ) -> Result<Option<(Application, i64)>, StoreError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the relay works across tenants; both key columns are given"
        )]
        let row = vault_secret::Entity::find_by_id((tenant.uuid(), id.uuid()))
            .one(connection)
            .await?;
        self.application(connection, row).await
    }

    async fn application<C: ConnectionTrait>(
        &self,
        connection: &C,
        row: Option<vault_secret::Model>,
    ) -> Result<Option<(Application, i64)>, StoreError> {
        let Some(row) = row.filter(|row| row.template == Template::AzureApplication.as_str()) else {
            return Ok(None);
        };
        let owner = Owner::Tenant(TenantId::new(row.tenant_id));
        self.open_keys(connection, owner).await?;
        let registration = parse_fields(&row)?;
        let Some(client_secret) = self.client_secret(&row, &registration)? else {
            return Ok(None);
        };
        let application = Application {
            client_id: registration.client_id,
            client_secret,
            directory: registration.directory,
        };
        Ok(Some((application, row.version)))
    }

    pub(super) fn client_secret(
        &self,
        row: &vault_secret::Model,
        registration: &Registration,
    ) -> Result<Option<SecretText>, StoreError> {
        let Some(sealed) = &row.sealed else {
            return Ok(None);
        };
        let owner = Owner::Tenant(TenantId::new(row.tenant_id));
        let plain = self.unseal(place(owner, &sealed_row(row, registration)), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| StoreError::Tampered(SEALED))?;
        Ok(Some(secret_text(text)))
    }
}

/// Where client secrets are.
const SEALED: &str = "vault_secrets.sealed";

pub(super) const fn place(owner: Owner, row: &[u8]) -> Place<'_> {
    Place {
        owner,
        column: SEALED,
        row,
    }
}

/// What a client secret is sealed for beside its tenant; only the last part has no fixed length.
pub(super) fn sealed_row(row: &vault_secret::Model, registration: &Registration) -> Vec<u8> {
    let directory = registration.directory.to_string();
    [
        row.id.as_bytes().as_slice(),
        &row.version.to_be_bytes(),
        registration.client_id.as_bytes(),
        directory.as_bytes(),
    ]
    .concat()
}

/// The fields that can be read.
pub(super) fn fields(registration: &Registration) -> Value {
    json!({ "client_id": registration.client_id.to_string(), "tenant_id": registration.directory.to_string() })
}

pub(super) fn parse_fields(row: &vault_secret::Model) -> Result<Registration, StoreError> {
    let corrupt = || StoreError::Corrupt("secret");
    let fields: Value = serde_json::from_str(&row.fields).map_err(|_| corrupt())?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).ok_or_else(corrupt);
    Ok(Registration {
        client_id: text("client_id")?.parse().map_err(|_| corrupt())?,
        directory: text("tenant_id")?.parse().map_err(|_| corrupt())?,
    })
}
