//! From leased deliveries to jobs: reading and unsealing what their sending needs, after the claim's commit and outside any
//! transaction that writes. A delivery whose content does not open is logged and left to its lease, so that nothing is lost
//! while somebody looks; one whose tenant's settings cannot be used is held until they are saved.

use std::{collections::HashMap, sync::Arc};

use domain::{
    branding::{DomainProof, EffectiveFrom, Provider},
    clock::from_millis,
    connection::Route,
    ids::{DeliveryId, MessageId, TenantId},
    message::{
        Recipient,
        kind::{Content, Lane},
    },
    outbox::{Job, Lease, Path},
    tenant::Edition,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    claim::Claimed,
    context::Context,
    handoff::Carried,
    rows::{Sql, Type, pieces},
    submit::body_place,
};
use crate::{Store, error::StoreError, seal::Owner};

/// A message as it is stored.
#[derive(Debug, FromQueryResult)]
struct Stored {
    tenant_id: Uuid,
    message_id: Uuid,
    locale: String,
    created_at: i64,
    sealed: Vec<u8>,
}

/// What the deliveries of one claim refer to.
struct Surroundings {
    /// What this process remembers of messages it accepted.
    remembered: HashMap<(Uuid, Uuid), Carried>,
    stored: HashMap<(Uuid, Uuid), Stored>,
    contexts: HashMap<Uuid, Arc<Context>>,
    routes: Arc<[Route]>,
}

/// Deliveries that can be worked on, and those that cannot for their tenant's settings.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) jobs: Vec<Job>,
    pub(super) unusable: Vec<Claimed>,
}

impl Claimed {
    pub(super) const fn lease(&self) -> Lease {
        Lease {
            tenant: TenantId::new(self.tenant_id),
            message: MessageId::new(self.message_id),
            delivery: DeliveryId::new(self.id),
            epoch: self.lease_epoch,
        }
    }

    pub(super) fn lane(&self) -> Lane {
        let rank = i16::try_from(self.lane).ok();
        rank.and_then(Lane::of_rank).unwrap_or(Lane::Background)
    }
}

impl Store {
    /// Everything the sending of claimed deliveries needs.
    pub(super) async fn jobs(&self, claimed: Vec<Claimed>, provider: &Provider) -> Result<Opened, StoreError> {
        if claimed.is_empty() {
            return Ok(Opened::default());
        }
        let mut unknown: Vec<(Uuid, Uuid)> = claimed
            .iter()
            .filter(|row| row.carried.is_none())
            .map(|row| (row.tenant_id, row.message_id))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        let remembered: HashMap<_, _> = unknown
            .iter()
            .filter_map(|message| Some((*message, self.inner.remembered.take(*message)?)))
            .collect();
        unknown.retain(|message| !remembered.contains_key(message));
        let around = Surroundings {
            stored: self.stored(&unknown).await?,
            remembered,
            contexts: self.contexts(claimed.iter().map(|row| row.tenant_id).collect()).await?,
            routes: self.current_routes(self.read()).await?,
        };
        let is_usable = |row: &Claimed| {
            let context = around.contexts.get(&row.tenant_id);
            context.is_some_and(|context| context.is_usable())
        };
        let (usable, unusable): (Vec<_>, Vec<_>) = claimed.into_iter().partition(is_usable);
        let mut jobs = Vec::with_capacity(usable.len());
        for row in usable {
            let (tenant, delivery) = (row.tenant_id, row.id);
            match self.job(row, &around, provider) {
                Ok(job) => jobs.push(job),
                Err(error) => tracing::error!(
                    tenant.id = %tenant, delivery.id = %delivery, error = &error as &dyn std::error::Error,
                    "a delivery cannot be read; it stays in the queue"
                ),
            }
        }
        Ok(Opened { jobs, unusable })
    }

    /// What messages say, as far as this process does not know.
    async fn stored(&self, wanted: &[(Uuid, Uuid)]) -> Result<HashMap<(Uuid, Uuid), Stored>, StoreError> {
        let mut stored = HashMap::new();
        for piece in pieces(self.read(), wanted) {
            let rows: Vec<Stored> = Sql::new(self.read())
                .text("WITH v(tenant_id, id) AS (")
                .rows(piece, [Type::Uuid, Type::Uuid], |(tenant, message)| {
                    [(*tenant).into(), (*message).into()]
                })
                // The order of a CROSS JOIN is SQLite's too: each message is looked up by its key.
                .text(") SELECT m.tenant_id, m.id AS message_id, m.locale, m.created_at, m.sealed FROM v CROSS JOIN messages m ")
                .text("WHERE m.tenant_id = v.tenant_id AND m.id = v.id AND m.sealed IS NOT NULL")
                .all(self.read())
                .await?;
            stored.extend(rows.into_iter().map(|row| ((row.tenant_id, row.message_id), row)));
        }
        Ok(stored)
    }

    fn job(&self, row: Claimed, around: &Surroundings, provider: &Provider) -> Result<Job, StoreError> {
        let lease = row.lease();
        let context = around
            .contexts
            .get(&row.tenant_id)
            .ok_or(StoreError::NotFound("tenant"))?;
        let (from, path) = way(context, around, provider)?;
        let message = (row.tenant_id, row.message_id);
        let carried = match row.carried.or_else(|| around.remembered.get(&message).cloned()) {
            Some(carried) => carried,
            None => self.unseal_stored(around.stored.get(&message).ok_or(StoreError::NotFound("body"))?)?,
        };
        let corrupt = |_| StoreError::Corrupt("recipient");
        Ok(Job {
            lease,
            message: MessageId::new(row.message_id),
            lane: carried.content.kind().lane(),
            tenant_name: context.tenant.name.clone(),
            locale: carried.locale,
            recipient: Recipient {
                email: row.recipient.parse().map_err(corrupt)?,
                name: row
                    .recipient_name
                    .as_deref()
                    .map(str::parse)
                    .transpose()
                    .map_err(corrupt)?,
            },
            from,
            message_id_header: format!("{}@{}", row.id, row.message_id_domain),
            accepted_at: carried.created_at,
            expires_at: from_millis(row.expires_at),
            attempt: u32::try_from(row.attempts).unwrap_or(1),
            unknowns: u32::try_from(row.unknowns).unwrap_or(0),
            path,
            content: Arc::unwrap_or_clone(carried.content),
        })
    }

    fn unseal_stored(&self, stored: &Stored) -> Result<Carried, StoreError> {
        let owner = Owner::Tenant(TenantId::new(stored.tenant_id));
        let plain = self.unseal(body_place(owner, stored.message_id.as_bytes()), &stored.sealed)?;
        let content: Content = serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt("content"))?;
        Ok(Carried {
            content: Arc::new(content),
            size: plain.len(),
            locale: stored.locale.parse().map_err(|_| StoreError::Corrupt("locale"))?,
            created_at: from_millis(stored.created_at),
        })
    }
}

/// The From that recipients see and the way out, by the tenant's settings of this moment.
fn way(context: &Context, around: &Surroundings, provider: &Provider) -> Result<(EffectiveFrom, Path), StoreError> {
    let branding = context.branding.as_ref().ok_or(StoreError::NotFound("branding"))?;
    let edition: Edition = context
        .tenant
        .edition
        .parse()
        .map_err(|_| StoreError::Corrupt("edition"))?;
    match edition {
        Edition::Cloud => {
            let slug = context.tenant.slug.parse().map_err(|_| StoreError::Corrupt("slug"))?;
            let from = provider.effective_from(&slug, branding, DomainProof::Unverified);
            Ok((from, Path::Shared(Arc::clone(&around.routes))))
        }
        Edition::OnPremises => {
            let connection = context.connection.as_ref().ok_or(StoreError::NotFound("connection"))?;
            Ok((EffectiveFrom::on_premises(branding), Path::Own(Arc::clone(connection))))
        }
    }
}
