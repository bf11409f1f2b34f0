//! The provider's own API clients. The first one comes from the configuration, once.

use domain::{
    access::Role,
    clock::from_millis,
    ids::ApiClientId,
    secret::{ExposeSecret, SecretText},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde_json::json;

use super::ProviderStore;
use crate::{
    audit::Entry,
    entity::operator_client,
    error::StoreError,
    identity::{CLIENT_SECRET, ClientIdText, MintedSecret, OVERLAP_MS},
    page::{Page, PageRequest},
    tenant::ApiClient,
};

impl ProviderStore<'_> {
    /// Makes the first operator; does nothing where the client id exists already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ensure_operator(&self, client_id: &str, secret: &SecretText) -> Result<(), StoreError> {
        let transaction = self.store.begin().await?;
        self.store.lock_schema(&transaction).await?;
        let exists = find_all()
            .filter(operator_client::Column::ClientId.eq(client_id))
            .count(&transaction)
            .await?
            > 0;
        if exists {
            return Ok(transaction.rollback().await?);
        }
        let id = ApiClientId::generate(self.store.ids());
        let hash = self
            .store
            .keyed_hash(CLIENT_SECRET, secret.expose_secret().as_bytes())?;
        let row = self.new_row(id, client_id.to_owned(), "bootstrap operator".to_owned(), hash);
        row.into_active_model().insert(&transaction).await?;
        self.audit(
            &transaction,
            Entry::new("operator_client.created", id, json!({ "bootstrap": true })),
        )
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Makes an operator's client.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn create_api_client(&self, name: String) -> Result<(ApiClient, SecretText), StoreError> {
        let id = ApiClientId::generate(self.store.ids());
        let secret = MintedSecret::mint(self.store)?;
        let row = self.new_row(id, ClientIdText::of_operator(id.uuid()).to_string(), name, secret.hash);
        let transaction = self.store.begin().await?;
        row.clone().into_active_model().insert(&transaction).await?;
        self.audit(
            &transaction,
            Entry::new("operator_client.created", id, json!({ "name": row.name })),
        )
        .await?;
        transaction.commit().await?;
        Ok((api_client(row), secret.text))
    }

    /// The provider's clients, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn api_clients(&self, page: PageRequest) -> Result<Page<ApiClient>, StoreError> {
        let mut rows = find_all();
        if let Some(after) = page.after {
            rows = rows.filter(operator_client::Column::Id.lt(after.uuid()));
        }
        let rows = rows
            .order_by_desc(operator_client::Column::Id)
            .limit(page.limit + 1)
            .all(self.store.read())
            .await?;
        Page::of(rows, page, |row| row.id).try_map(|row| Ok(api_client(row)))
    }

    /// Takes a client away; the last one stays, or nobody could get in any more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] for the last one.
    pub async fn delete_api_client(&self, id: ApiClientId) -> Result<(), StoreError> {
        let transaction = self.store.begin().await?;
        let row = one(&transaction, id).await?;
        if find_all().count(&transaction).await? == 1 {
            return Err(StoreError::Conflict(
                "The last operator client cannot be deleted.".to_owned(),
            ));
        }
        row.into_active_model().delete(&transaction).await?;
        self.audit(&transaction, Entry::new("operator_client.deleted", id, json!({})))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Gives a client a new secret; the old one works for one hour more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn rotate_api_client(&self, id: ApiClientId) -> Result<(ApiClient, SecretText), StoreError> {
        let secret = MintedSecret::mint(self.store)?;
        let transaction = self.store.begin().await?;
        let row = one(&transaction, id).await?;
        let mut change = row.clone().into_active_model();
        change.previous_secret_hash = Set(Some(row.secret_hash.clone()));
        change.previous_until = Set(Some(self.store.now_ms() + OVERLAP_MS));
        change.secret_hash = Set(secret.hash);
        change.update(&transaction).await?;
        self.audit(
            &transaction,
            Entry::new("operator_client.rotated", id, json!({ "secret": "changed" })),
        )
        .await?;
        transaction.commit().await?;
        Ok((api_client(row), secret.text))
    }

    fn new_row(
        &self,
        id: ApiClientId,
        client_id: String,
        name: String,
        secret_hash: Vec<u8>,
    ) -> operator_client::Model {
        operator_client::Model {
            id: id.uuid(),
            client_id,
            name,
            secret_hash,
            previous_secret_hash: None,
            previous_until: None,
            created_at: self.store.now_ms(),
            created_by: self.scope.actor().subject.clone(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "operator clients are the provider's rows")]
pub(crate) fn find_all() -> sea_orm::Select<operator_client::Entity> {
    operator_client::Entity::find()
}

async fn one(
    transaction: &sea_orm::DatabaseTransaction,
    id: ApiClientId,
) -> Result<operator_client::Model, StoreError> {
    let row = find_all()
        .filter(operator_client::Column::Id.eq(id.uuid()))
        .one(transaction)
        .await?;
    row.ok_or(StoreError::NotFound("API client"))
}

fn api_client(row: operator_client::Model) -> ApiClient {
    ApiClient {
        id: ApiClientId::new(row.id),
        client_id: row.client_id,
        name: row.name,
        roles: vec![Role::Operator],
        created_at: from_millis(row.created_at),
        created_by: row.created_by,
    }
}
