//! Claims: leasing due deliveries to a relay process, and gathering what their sending needs.
//!
//! The claim itself is one statement; the rest is read after its commit, outside any transaction that writes. A delivery
//! whose content does not open is logged and left to its lease, so that nothing is lost while somebody looks.

use std::{collections::HashMap, sync::Arc};

use domain::{
    branding::{DomainProof, Provider},
    clock::from_millis,
    connection::Route,
    ids::{DeliveryId, MessageId, NodeId, TenantId},
    message::{
        EventType, Recipient,
        kind::{Content, Lane},
    },
    outbox::{Job, LEASE, Lease, Path},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, QueryFilter,
};
use serde_json::Map;
use uuid::Uuid;

use super::{now_sql, statement, submit::body_place};
use crate::{
    Store,
    entity::{event, message, message_body, tenant},
    error::StoreError,
    seal::Owner,
    tenant::current_brandings,
};

/// A leased delivery, not yet unsealed.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Claimed {
    tenant_id: Uuid,
    id: Uuid,
    message_id: Uuid,
    recipient: String,
    recipient_name: Option<String>,
    message_id_domain: String,
    expires_at: i64,
    attempts: i64,
    lease_epoch: i64,
    updated_at: i64,
}

impl Store {
    pub(super) async fn apply_claim(
        &self,
        transaction: &DatabaseTransaction,
        node: NodeId,
        lane: Lane,
        most: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        if crate::provider::is_paused(transaction).await? || self.usable_routes(transaction).await?.is_empty() {
            return Ok(Vec::new());
        }
        let now = now_sql(transaction);
        let skip_locked = match transaction.get_database_backend() {
            DbBackend::Postgres => "FOR UPDATE OF d SKIP LOCKED",
            DbBackend::MySql | DbBackend::Sqlite | _ => "",
        };
        let sql = format!(
            "UPDATE deliveries SET status = 'sending', due_at = NULL, held_by = NULL, dot_at = NULL, attempts = attempts + 1, \
             lease_epoch = lease_epoch + 1, lease_until = {now} + $2, lease_node = $3, updated_at = {now} \
             WHERE (tenant_id, id) IN (SELECT d.tenant_id, d.id FROM deliveries d JOIN tenants t ON t.id = d.tenant_id \
             WHERE d.lane = $4 AND d.due_at <= {now} AND d.expires_at > {now} AND t.suspended_at IS NULL AND t.edition = 'cloud' \
             ORDER BY d.due_at LIMIT $5 {skip_locked}) \
             RETURNING tenant_id, id, message_id, recipient, recipient_name, message_id_domain, expires_at, attempts, \
             lease_epoch, updated_at"
        );
        let lease = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let values = [
            self.shift(),
            lease.into(),
            node.uuid().into(),
            i64::from(lane.rank()).into(),
            most.into(),
        ];
        let claimed = Claimed::find_by_statement(statement(transaction, sql, values))
            .all(transaction)
            .await?;
        self.record_starts(transaction, node, &claimed).await?;
        Ok(claimed)
    }

    async fn record_starts(
        &self,
        transaction: &DatabaseTransaction,
        node: NodeId,
        claimed: &[Claimed],
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO attempts (tenant_id, delivery_id, epoch, node_id, started_at) VALUES ($1, $2, $3, $4, $5)";
        let mut events = Vec::with_capacity(claimed.len());
        for row in claimed {
            let values = [
                row.tenant_id.into(),
                row.id.into(),
                row.lease_epoch.into(),
                node.uuid().into(),
                row.updated_at.into(),
            ];
            transaction.execute_raw(statement(transaction, sql, values)).await?;
            let mut detail = Map::new();
            detail.insert("attempt".to_owned(), row.attempts.into());
            let of = (row.tenant_id, row.message_id, Some(row.id));
            events.push(self.event(of, EventType::AttemptStarted, row.updated_at, detail));
        }
        if !events.is_empty() {
            event::Entity::insert_many(events)
                .exec_without_returning(transaction)
                .await?;
        }
        Ok(())
    }

    /// Everything the sending of claimed deliveries needs.
    pub(super) async fn jobs(&self, claimed: Vec<Claimed>, provider: &Provider) -> Result<Vec<Job>, StoreError> {
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let around = self.surroundings(&claimed).await?;
        let mut jobs = Vec::with_capacity(claimed.len());
        for row in claimed {
            let (tenant, delivery) = (row.tenant_id, row.id);
            match self.job(&row, &around, provider) {
                Ok(job) => jobs.push(job),
                Err(error) => tracing::error!(
                    tenant.id = %tenant, delivery.id = %delivery, error = &error as &dyn std::error::Error,
                    "a delivery cannot be read; it stays in the queue"
                ),
            }
        }
        Ok(jobs)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the relay works across tenants; rows are matched by (tenant, id)"
    )]
    async fn surroundings(&self, claimed: &[Claimed]) -> Result<Surroundings, StoreError> {
        let mut tenants: Vec<Uuid> = claimed.iter().map(|row| row.tenant_id).collect();
        tenants.sort_unstable();
        tenants.dedup();
        for tenant in &tenants {
            self.open_keys(self.read(), Owner::Tenant(TenantId::new(*tenant)))
                .await?;
        }
        let messages: Vec<Uuid> = claimed.iter().map(|row| row.message_id).collect();
        let rows = message::Entity::find()
            .filter(message::Column::TenantId.is_in(tenants.iter().copied()))
            .filter(message::Column::Id.is_in(messages.iter().copied()))
            .all(self.read())
            .await?;
        let bodies = message_body::Entity::find()
            .filter(message_body::Column::TenantId.is_in(tenants.iter().copied()))
            .filter(message_body::Column::MessageId.is_in(messages))
            .all(self.read())
            .await?;
        let owners = tenant::Entity::find()
            .filter(tenant::Column::Id.is_in(tenants.iter().copied()))
            .all(self.read())
            .await?;
        Ok(Surroundings {
            messages: rows.into_iter().map(|row| ((row.tenant_id, row.id), row)).collect(),
            bodies: bodies
                .into_iter()
                .map(|row| ((row.tenant_id, row.message_id), row.sealed))
                .collect(),
            tenants: owners.into_iter().map(|row| (row.id, row)).collect(),
            brandings: current_brandings(self.read(), &tenants).await?,
            routes: self.usable_routes(self.read()).await?.into(),
        })
    }

    fn job(&self, row: &Claimed, around: &Surroundings, provider: &Provider) -> Result<Job, StoreError> {
        let key = (row.tenant_id, row.message_id);
        let tenant = around
            .tenants
            .get(&row.tenant_id)
            .ok_or(StoreError::NotFound("tenant"))?;
        let message = around.messages.get(&key).ok_or(StoreError::NotFound("message"))?;
        let sealed = around.bodies.get(&key).ok_or(StoreError::NotFound("body"))?;
        let branding = around
            .brandings
            .get(&row.tenant_id)
            .ok_or(StoreError::NotFound("branding"))?;
        let owner = Owner::Tenant(TenantId::new(row.tenant_id));
        let plain = self.unseal(body_place(owner, row.message_id.as_bytes()), sealed)?;
        let content: Content = serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt("content"))?;
        let slug = tenant.slug.parse().map_err(|_| StoreError::Corrupt("slug"))?;
        let corrupt = |_| StoreError::Corrupt("recipient");
        Ok(Job {
            lease: Lease {
                tenant: TenantId::new(row.tenant_id),
                delivery: DeliveryId::new(row.id),
                epoch: row.lease_epoch,
            },
            message: MessageId::new(row.message_id),
            lane: content.kind().lane(),
            tenant_name: tenant.name.clone(),
            locale: message.locale.parse().map_err(|_| StoreError::Corrupt("locale"))?,
            recipient: Recipient {
                email: row.recipient.parse().map_err(corrupt)?,
                name: row
                    .recipient_name
                    .as_deref()
                    .map(str::parse)
                    .transpose()
                    .map_err(corrupt)?,
            },
            from: provider.effective_from(&slug, branding, DomainProof::Unverified),
            message_id_header: format!("{}@{}", row.id, row.message_id_domain),
            accepted_at: from_millis(message.created_at),
            expires_at: from_millis(row.expires_at),
            attempt: u32::try_from(row.attempts).unwrap_or(1),
            path: Path::Shared(Arc::clone(&around.routes)),
            content,
        })
    }
}

/// What the deliveries of one claim refer to.
struct Surroundings {
    messages: HashMap<(Uuid, Uuid), message::Model>,
    bodies: HashMap<(Uuid, Uuid), Vec<u8>>,
    tenants: HashMap<Uuid, tenant::Model>,
    brandings: HashMap<Uuid, domain::branding::Branding>,
    routes: Arc<[Route]>,
}
