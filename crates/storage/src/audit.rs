//! The audit log: written in the transaction of the change it tells of, so that neither exists without the other.

use std::fmt::Display;

use domain::{access::Actor, ids::AuditEntryId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait};
use serde_json::Value;

use crate::{Store, entity::audit_entry, error::StoreError, provider::ProviderStore, seal::Owner, tenant::TenantStore};

/// One change, told without secrets.
pub(crate) struct Entry {
    action: &'static str,
    target: String,
    detail: Value,
}

impl Entry {
    pub(crate) fn new(action: &'static str, target: impl Display, detail: Value) -> Self {
        Self {
            action,
            target: target.to_string(),
            detail,
        }
    }
}

impl TenantStore<'_> {
    pub(crate) async fn audit<C: ConnectionTrait>(&self, connection: &C, entry: Entry) -> Result<(), StoreError> {
        self.store
            .audit(connection, self.owner(), self.scope.actor(), entry)
            .await
    }
}

impl ProviderStore<'_> {
    pub(crate) async fn audit<C: ConnectionTrait>(&self, connection: &C, entry: Entry) -> Result<(), StoreError> {
        self.store
            .audit(connection, Owner::Provider, self.scope.actor(), entry)
            .await
    }
}

impl Store {
    async fn audit<C: ConnectionTrait>(
        &self,
        connection: &C,
        owner: Owner,
        actor: &Actor,
        entry: Entry,
    ) -> Result<(), StoreError> {
        let row = audit_entry::ActiveModel {
            tenant_id: Set(owner.uuid()),
            id: Set(AuditEntryId::generate(self.ids()).uuid()),
            at: Set(self.now_ms()),
            actor: Set(actor.subject.clone()),
            actor_tenant_id: Set(actor.tenant.map(domain::ids::Id::uuid)),
            action: Set(entry.action.to_owned()),
            target: Set(entry.target),
            request_id: Set(actor.origin.request_id.clone()),
            detail: Set(entry.detail.to_string()),
        };
        row.insert(connection).await?;
        Ok(())
    }
}
