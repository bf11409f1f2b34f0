//! A tenant's API clients. Secrets are kept as keyed hashes; the plain one is seen once, by whoever made it.

use domain::{
    access::Role,
    clock::{Timestamp, from_millis},
    ids::ApiClientId,
    secret::SecretText,
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::TenantStore;
use crate::{
    audit::Entry,
    entity::api_client,
    error::StoreError,
    identity::{ClientIdText, MintedSecret, OVERLAP_MS},
    page::{Page, PageRequest},
};

/// A client to be made.
#[derive(Debug, Clone)]
pub struct NewApiClient {
    /// What people call it.
    pub name: String,
    /// What it may do; at least one.
    pub roles: Vec<Role>,
}

/// An API client, of a tenant or of the provider.
#[derive(Debug, Clone)]
pub struct ApiClient {
    /// Its id.
    pub id: ApiClientId,
    /// What it calls itself at the token endpoint.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

impl TenantStore<'_> {
    /// Makes a client; the secret is not kept in a readable form.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn create_api_client(&self, new: NewApiClient) -> Result<(ApiClient, SecretText), StoreError> {
        let id = ApiClientId::generate(self.store.ids());
        let secret = MintedSecret::mint(self.store)?;
        let row = api_client::Model {
            tenant_id: self.tenant_uuid(),
            id: id.uuid(),
            name: new.name,
            roles: new.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" "),
            secret_hash: secret.hash,
            previous_secret_hash: None,
            previous_until: None,
            created_at: self.store.now_ms(),
            created_by: self.scope.actor().subject.clone(),
        };
        let transaction = self.store.begin().await?;
        self.insert::<api_client::Entity, _>(&transaction, row.clone()).await?;
        let detail = json!({ "name": row.name, "roles": row.roles });
        self.audit(&transaction, Entry::new("api_client.created", id, detail))
            .await?;
        transaction.commit().await?;
        Ok((api_client(row)?, secret.text))
    }

    /// Its clients, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn api_clients(&self, page: PageRequest) -> Result<Page<ApiClient>, StoreError> {
        let mut rows = self.select::<api_client::Entity>();
        if let Some(after) = page.after {
            rows = rows.filter(api_client::Column::Id.lt(after.uuid()));
        }
        let rows = rows
            .order_by_desc(api_client::Column::Id)
            .limit(page.limit + 1)
            .all(self.store.read())
            .await?;
        Page::of(rows, page, |row| row.id).try_map(api_client)
    }

    /// Takes a client away; its next token request fails.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_api_client(&self, id: ApiClientId) -> Result<(), StoreError> {
        let row = self.find_api_client(id).await?;
        let transaction = self.store.begin().await?;
        row.into_active_model().delete(&transaction).await?;
        self.audit(&transaction, Entry::new("api_client.deleted", id, json!({})))
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Gives a client a new secret; the old one works for one hour more, so that nothing stops meanwhile.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn rotate_api_client(&self, id: ApiClientId) -> Result<(ApiClient, SecretText), StoreError> {
        let row = self.find_api_client(id).await?;
        let secret = MintedSecret::mint(self.store)?;
        let mut change = row.clone().into_active_model();
        change.previous_secret_hash = Set(Some(row.secret_hash.clone()));
        change.previous_until = Set(Some(self.store.now_ms() + OVERLAP_MS));
        change.secret_hash = Set(secret.hash);
        let transaction = self.store.begin().await?;
        change.update(&transaction).await?;
        self.audit(
            &transaction,
            Entry::new("api_client.rotated", id, json!({ "secret": "changed" })),
        )
        .await?;
        transaction.commit().await?;
        Ok((api_client(row)?, secret.text))
    }

    async fn find_api_client(&self, id: ApiClientId) -> Result<api_client::Model, StoreError> {
        self.select::<api_client::Entity>()
            .filter(api_client::Column::Id.eq(id.uuid()))
            .one(self.store.read())
            .await?
            .ok_or(StoreError::NotFound("API client"))
    }
}

fn api_client(row: api_client::Model) -> Result<ApiClient, StoreError> {
    let id = ApiClientId::new(row.id);
    Ok(ApiClient {
        id,
        client_id: ClientIdText::of_tenant(row.tenant_id, row.id).to_string(),
        name: row.name,
        roles: parse_roles(&row.roles)?,
        created_at: from_millis(row.created_at),
        created_by: row.created_by,
    })
}

pub(crate) fn parse_roles(text: &str) -> Result<Vec<Role>, StoreError> {
    text.split_ascii_whitespace()
        .map(|role| role.parse().map_err(|_| StoreError::Corrupt("role")))
        .collect()
}
