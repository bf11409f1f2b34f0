//! Submission: messages, bodies, deliveries, events and the idempotency key, all or none.
//!
//! Rows are made and bodies sealed by the caller, before the writer's turn: what shares a transaction should only insert.

use std::sync::Arc;

use domain::{
    access::TenantScope,
    address::Domain,
    clock::to_millis,
    message::{NewMessage, kind::Lane, state::DeliveryStatus},
    tenant::Edition,
};
use uuid::Uuid;

use super::handoff::{Carried, HAND_OFF_BYTES};
use crate::{
    Store,
    entity::{delivery, idempotency_key, message},
    error::StoreError,
    seal::{Owner, Place},
};

/// How long an idempotency key is kept, in milliseconds: 24 hours.
pub(crate) const KEY_LIFE_MS: i64 = 24 * 3_600_000;

/// The caller's key, and the answer that every repetition gets.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The operation the key is for.
    pub operation: &'static str,
    /// The key as sent.
    pub key: String,
    /// The body as sent.
    pub body: Vec<u8>,
    /// The answer's status code.
    pub status: u16,
    /// The answer's `Location`.
    pub location: Option<String>,
    /// The answer's body.
    pub answer: Vec<u8>,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It is on disk.
    Stored,
    /// It was, under the same key; this was the answer.
    Replayed {
        /// Its status code.
        status: u16,
        /// Its `Location`.
        location: Option<String>,
        /// Its body.
        answer: Vec<u8>,
    },
    /// The key was used with another body; nothing was stored.
    KeyReused,
    /// The day's messages are used up; nothing was stored.
    DayUsedUp,
}

/// Rows ready to be inserted.
pub struct Submission {
    pub(super) tenant: Uuid,
    pub(super) edition: Edition,
    pub(super) messages_per_day: Option<u32>,
    pub(super) messages: Vec<PreparedMessage>,
    pub(super) key: Option<idempotency_key::Model>,
}

#[derive(Clone)]
pub(super) struct PreparedMessage {
    pub(super) message: message::Model,
    pub(super) sealed: Vec<u8>,
    pub(super) deliveries: Vec<delivery::Model>,
    pub(super) lane: Lane,
    /// What it says, while it may be handed over.
    pub(super) carried: Option<Carried>,
}

impl Store {
    /// Stores messages of one tenant; returns when they are on disk. `from_domain` becomes part of each Message-ID.
    ///
    /// # Errors
    /// [`StoreError::RateLimited`] and [`StoreError::QuotaExceeded`] where the tenant has had what it may;
    /// [`StoreError::Busy`] and [`StoreError::Unavailable`]: nothing is stored, or the caller's key tells.
    pub async fn submit(
        &self,
        scope: &TenantScope,
        messages: &[NewMessage],
        from_domain: &Domain,
        key: Option<Idempotency>,
    ) -> Result<Submitted, StoreError> {
        let owner = Owner::Tenant(scope.id());
        let contexts = self.contexts(vec![scope.id().uuid()]).await?;
        let context = contexts.get(&scope.id().uuid()).ok_or(StoreError::NotFound("tenant"))?;
        let limits = crate::provider::limits_of(&context.tenant.limits)?;
        let deliveries = messages.iter().map(|message| message.recipients.len()).sum();
        self.check_limits(scope.id().uuid(), &limits, messages.len(), deliveries)
            .await?;
        if scope.edition() == Edition::OnPremises {
            self.inner.lanes.note_own(scope.id().uuid());
        }
        let submission = Submission {
            tenant: scope.id().uuid(),
            edition: scope.edition(),
            messages_per_day: limits.messages_per_day,
            messages: messages
                .iter()
                .map(|message| self.prepare(owner, message, from_domain))
                .collect::<Result<_, _>>()?,
            key: key.map(|key| self.key_row(scope.id().uuid(), key)).transpose()?,
        };
        let submitted = self
            .ask(|reply| super::writer::Operation::Submit {
                submission: Box::new(submission),
                reply,
            })
            .await?;
        if submitted == Submitted::DayUsedUp {
            return Err(StoreError::QuotaExceeded {
                limit: "messages_per_day",
                retry_after: self.until_tomorrow(),
            });
        }
        Ok(submitted)
    }

    fn prepare(&self, owner: Owner, new: &NewMessage, from_domain: &Domain) -> Result<PreparedMessage, StoreError> {
        let tenant_id = owner.uuid();
        let kind = new.content.kind();
        let content =
            zeroize::Zeroizing::new(serde_json::to_vec(&new.content).map_err(|_| StoreError::Corrupt("content"))?);
        let lane = i64::from(kind.lane().rank());
        let created_at = to_millis(new.created_at);
        let status = new.initial_status();
        let due_at = if status == DeliveryStatus::Scheduled {
            new.send_at.map(to_millis)
        } else {
            Some(created_at)
        };
        let deliveries = new.recipients.iter().map(|(id, recipient)| delivery::Model {
            tenant_id,
            id: id.uuid(),
            message_id: new.id.uuid(),
            lane,
            kind: kind.as_str().to_owned(),
            recipient: recipient.email.to_string(),
            recipient_name: recipient.name.as_ref().map(ToString::to_string),
            message_id_domain: from_domain.to_string(),
            status: status.as_str().to_owned(),
            due_at,
            expires_at: to_millis(new.expires_at),
            attempts: 0,
            unknowns: 0,
            lease_epoch: 0,
            lease_until: None,
            lease_node: None,
            dot_at: None,
            held_by: None,
            last_error: None,
            updated_at: created_at,
            sent_by: None,
        });
        let may_go_now = status == DeliveryStatus::Queued && content.len() <= HAND_OFF_BYTES;
        let carried = (may_go_now && self.inner.lanes.has_workers(kind.lane())).then(|| Carried {
            content: Arc::new(new.content.clone()),
            size: content.len(),
            locale: new.locale.clone(),
            created_at: new.created_at,
        });
        Ok(PreparedMessage {
            lane: kind.lane(),
            carried,
            deliveries: deliveries.collect(),
            sealed: self
                .keyring()
                .seal(body_place(owner, new.id.uuid().as_bytes()), &content)?,
            message: message::Model {
                tenant_id,
                id: new.id.uuid(),
                kind: kind.as_str().to_owned(),
                lane,
                locale: new.locale.as_str().to_owned(),
                created_at,
                expires_at: to_millis(new.expires_at),
                send_at: new.send_at.map(to_millis),
                supersede_key: new.supersede_key.clone(),
                metadata: serde_json::Value::Object(new.metadata.clone()).to_string(),
            },
        })
    }

    fn key_row(&self, tenant_id: Uuid, key: Idempotency) -> Result<idempotency_key::Model, StoreError> {
        Ok(idempotency_key::Model {
            tenant_id,
            operation: key.operation.to_owned(),
            key_hash: self.keyed_hash("idempotency_key", key.key.as_bytes())?,
            body_hash: self.keyed_hash("idempotency_body", &key.body)?,
            status: i64::from(key.status),
            location: key.location,
            answer: key.answer,
            created_at: self.now_ms(),
        })
    }
}

/// Where a message's sealed body stands; by the name of the table that bodies were in when the first were sealed.
pub(super) const fn body_place(owner: Owner, message: &[u8]) -> Place<'_> {
    Place {
        owner,
        column: "message_bodies.sealed",
        row: message,
    }
}
