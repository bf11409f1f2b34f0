//! Submission: messages, bodies, deliveries, events and the idempotency key, all or none.
//!
//! Rows are made and bodies sealed by the caller, before the writer's turn: what shares a transaction should only insert.

use domain::{
    access::TenantScope,
    address::Domain,
    clock::to_millis,
    message::{EventType, NewMessage, state::DeliveryStatus},
};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, TryInsertResult, sea_query::OnConflict,
};
use serde_json::Map;
use uuid::Uuid;

use super::statement;
use crate::{
    Store,
    entity::{delivery, event, idempotency_key, message, message_body},
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
}

/// Rows ready to be inserted.
pub struct Submission {
    tenant: Uuid,
    messages: Vec<PreparedMessage>,
    key: Option<idempotency_key::Model>,
    now: i64,
}

struct PreparedMessage {
    message: message::Model,
    body: message_body::Model,
    deliveries: Vec<delivery::Model>,
    event: event::ActiveModel,
}

impl Store {
    /// Stores messages of one tenant; returns when they are on disk. `from_domain` becomes part of each Message-ID.
    ///
    /// # Errors
    /// [`StoreError::Busy`] and [`StoreError::Unavailable`]: nothing is stored, or the caller's key tells.
    pub async fn submit(
        &self,
        scope: &TenantScope,
        messages: &[NewMessage],
        from_domain: &Domain,
        key: Option<Idempotency>,
    ) -> Result<Submitted, StoreError> {
        let owner = Owner::Tenant(scope.id());
        self.open_keys(self.read(), owner).await?;
        let submission = Submission {
            tenant: scope.id().uuid(),
            messages: messages
                .iter()
                .map(|message| self.prepare(owner, message, from_domain))
                .collect::<Result<_, _>>()?,
            key: key.map(|key| self.key_row(scope.id().uuid(), key)).transpose()?,
            now: self.now_ms(),
        };
        self.ask(|reply| super::writer::Operation::Submit {
            submission: Box::new(submission),
            reply,
        })
        .await
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
        });
        Ok(PreparedMessage {
            deliveries: deliveries.collect(),
            body: message_body::Model {
                tenant_id,
                message_id: new.id.uuid(),
                sealed: self
                    .keyring()
                    .seal(body_place(owner, new.id.uuid().as_bytes()), &content)?,
            },
            event: self.event(
                (tenant_id, new.id.uuid(), None),
                EventType::Accepted,
                created_at,
                Map::new(),
            ),
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

    pub(super) async fn apply_submit(
        &self,
        transaction: &DatabaseTransaction,
        submission: &Submission,
    ) -> Result<Submitted, StoreError> {
        if let Some(key) = &submission.key
            && let Some(earlier) = take_key(transaction, key, submission.now).await?
        {
            return Ok(earlier);
        }
        if submission
            .messages
            .iter()
            .any(|prepared| prepared.message.supersede_key.is_some())
        {
            // One by one, so that in one batch the later wins.
            for prepared in &submission.messages {
                self.supersede(transaction, submission, prepared).await?;
                insert(transaction, std::slice::from_ref(prepared)).await?;
            }
        } else {
            insert(transaction, &submission.messages).await?;
        }
        Ok(Submitted::Stored)
    }

    /// Withdraws what still waits of older messages of the same kind and key.
    async fn supersede(
        &self,
        transaction: &DatabaseTransaction,
        submission: &Submission,
        newer: &PreparedMessage,
    ) -> Result<(), StoreError> {
        let Some(key) = &newer.message.supersede_key else {
            return Ok(());
        };
        let sql = "UPDATE deliveries SET status = 'superseded', due_at = NULL, held_by = NULL, updated_at = $4 \
                   WHERE tenant_id = $1 AND due_at IS NOT NULL AND status <> 'outcome_unknown' AND message_id IN \
                   (SELECT id FROM messages WHERE tenant_id = $1 AND kind = $2 AND supersede_key = $3) \
                   RETURNING id, message_id";
        let values = [
            submission.tenant.into(),
            newer.message.kind.clone().into(),
            key.clone().into(),
            submission.now.into(),
        ];
        let rows = transaction.query_all_raw(statement(transaction, sql, values)).await?;
        for row in rows {
            let (id, message): (Uuid, Uuid) = (row.try_get("", "id")?, row.try_get("", "message_id")?);
            let mut detail = Map::new();
            detail.insert("by".to_owned(), newer.message.id.to_string().into());
            let event = self.event(
                (submission.tenant, message, Some(id)),
                EventType::Superseded,
                submission.now,
                detail,
            );
            event::Entity::insert_many([event])
                .exec_without_returning(transaction)
                .await?;
            super::erase_finished_code(transaction, submission.tenant, message).await?;
        }
        Ok(())
    }
}

/// Takes the key for this submission, or says what it was used for.
async fn take_key(
    transaction: &DatabaseTransaction,
    key: &idempotency_key::Model,
    now: i64,
) -> Result<Option<Submitted>, StoreError> {
    let primary = (key.tenant_id, key.operation.clone(), key.key_hash.clone());
    let expired =
        "DELETE FROM idempotency_keys WHERE tenant_id = $1 AND operation = $2 AND key_hash = $3 AND created_at < $4";
    let values = [
        primary.0.into(),
        primary.1.clone().into(),
        primary.2.clone().into(),
        (now - KEY_LIFE_MS).into(),
    ];
    transaction.execute_raw(statement(transaction, expired, values)).await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the row says whose key it is, the nil tenant for the provider's"
    )]
    let taken = idempotency_key::Entity::insert(key.clone().into_active_model())
        .on_conflict(
            OnConflict::columns([
                idempotency_key::Column::TenantId,
                idempotency_key::Column::Operation,
                idempotency_key::Column::KeyHash,
            ])
            .do_nothing()
            .to_owned(),
        )
        .try_insert()
        .exec_without_returning(transaction)
        .await?;
    if matches!(taken, TryInsertResult::Inserted(rows) if rows > 0) {
        return Ok(None);
    }
    #[expect(clippy::disallowed_methods, reason = "all key columns are given")]
    let earlier = idempotency_key::Entity::find_by_id(primary).one(transaction).await?;
    let Some(earlier) = earlier else {
        return Ok(None);
    };
    if earlier.body_hash != key.body_hash {
        return Ok(Some(Submitted::KeyReused));
    }
    Ok(Some(Submitted::Replayed {
        status: u16::try_from(earlier.status).map_err(|_| StoreError::Corrupt("status"))?,
        location: earlier.location,
        answer: earlier.answer,
    }))
}

async fn insert(transaction: &DatabaseTransaction, prepared: &[PreparedMessage]) -> Result<(), StoreError> {
    if prepared.is_empty() {
        return Ok(());
    }
    let messages = prepared.iter().map(|p| p.message.clone().into_active_model());
    message::Entity::insert_many(messages)
        .exec_without_returning(transaction)
        .await?;
    let bodies = prepared.iter().map(|p| p.body.clone().into_active_model());
    message_body::Entity::insert_many(bodies)
        .exec_without_returning(transaction)
        .await?;
    let deliveries: Vec<_> = prepared
        .iter()
        .flat_map(|p| &p.deliveries)
        .cloned()
        .map(IntoActiveModel::into_active_model)
        .collect();
    // 20 columns a row, and SQLite takes 32,766 values a statement.
    for rows in deliveries.chunks(1000) {
        delivery::Entity::insert_many(rows.to_vec())
            .exec_without_returning(transaction)
            .await?;
    }
    let events = prepared.iter().map(|p| p.event.clone());
    event::Entity::insert_many(events)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}

/// Where a message's sealed body stands.
pub(super) const fn body_place(owner: Owner, message: &[u8]) -> Place<'_> {
    Place {
        owner,
        column: "message_bodies.sealed",
        row: message,
    }
}
