//! Inserting what was accepted: keys first, then everything of everybody in a few statements.

use std::collections::HashSet;

use domain::message::EventType;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult};
use serde_json::Map;
use uuid::Uuid;

use super::{
    events,
    rows::{Sql, Type, pieces},
    submit::{KEY_LIFE_MS, PreparedMessage, Submitted},
};
use crate::{
    Store,
    entity::{delivery, idempotency_key},
    error::StoreError,
};

/// A key that a submission has got.
#[derive(Debug, FromQueryResult, PartialEq, Eq, Hash)]
struct Taken {
    tenant_id: Uuid,
    operation: String,
    key_hash: Vec<u8>,
}

#[derive(Debug, FromQueryResult)]
struct Replaced {
    id: Uuid,
    message_id: Uuid,
}

/// Takes each key for its submission; the answer says what a key was used for before, in the order of the keys.
///
/// In the order of the keys themselves, so that two writers never wait for each other in a circle.
pub(super) async fn take_keys(
    transaction: &DatabaseTransaction,
    keys: &[Option<&idempotency_key::Model>],
    now: i64,
) -> Result<Vec<Option<Submitted>>, StoreError> {
    let mut sorted: Vec<(usize, &idempotency_key::Model)> = keys
        .iter()
        .enumerate()
        .filter_map(|(at, key)| key.map(|key| (at, key)))
        .collect();
    sorted.sort_by(|(_, a), (_, b)| {
        (a.tenant_id, &a.operation, &a.key_hash).cmp(&(b.tenant_id, &b.operation, &b.key_hash))
    });
    let mut taken: HashSet<Taken> = HashSet::new();
    for piece in pieces(transaction, &sorted) {
        taken.extend(insert_keys(transaction, piece).await?);
    }
    let mut answers: Vec<Option<Submitted>> = keys.iter().map(|_| None).collect();
    for (at, key) in sorted {
        let mine = Taken {
            tenant_id: key.tenant_id,
            operation: key.operation.clone(),
            key_hash: key.key_hash.clone(),
        };
        // The first that names a key has it; a second in the same group finds it used.
        if !taken.remove(&mine)
            && let Some(answer) = answers.get_mut(at)
        {
            *answer = used_before(transaction, key, now).await?;
        }
    }
    Ok(answers)
}

async fn insert_keys(
    transaction: &DatabaseTransaction,
    keys: &[(usize, &idempotency_key::Model)],
) -> Result<Vec<Taken>, StoreError> {
    const TYPES: [Type; 8] = [
        Type::Uuid,
        Type::Text,
        Type::Bytes,
        Type::Bytes,
        Type::Int,
        Type::MaybeText,
        Type::Bytes,
        Type::Int,
    ];
    let sql = Sql::new(transaction)
        .text("INSERT INTO idempotency_keys (tenant_id, operation, key_hash, body_hash, status, location, answer, created_at) ")
        .rows(keys, TYPES, |(_, key)| {
            [
                key.tenant_id.into(),
                key.operation.clone().into(),
                key.key_hash.clone().into(),
                key.body_hash.clone().into(),
                key.status.into(),
                key.location.clone().into(),
                key.answer.clone().into(),
                key.created_at.into(),
            ]
        })
        .text(" ON CONFLICT (tenant_id, operation, key_hash) DO NOTHING RETURNING tenant_id, operation, key_hash");
    Ok(sql.all(transaction).await?)
}

/// Frees a key that was just taken.
pub(super) async fn give_back(
    transaction: &DatabaseTransaction,
    key: &idempotency_key::Model,
) -> Result<(), StoreError> {
    let sql = Sql::new(transaction)
        .text("DELETE FROM idempotency_keys WHERE tenant_id = ")
        .value(key.tenant_id, Type::Uuid)
        .text(" AND operation = ")
        .value(key.operation.clone(), Type::Text)
        .text(" AND key_hash = ")
        .value(key.key_hash.clone(), Type::Bytes);
    sql.run(transaction).await?;
    Ok(())
}

/// What the key was used for; nothing where that was too long ago, and the key is taken anew.
async fn used_before(
    transaction: &DatabaseTransaction,
    key: &idempotency_key::Model,
    now: i64,
) -> Result<Option<Submitted>, StoreError> {
    let expired = Sql::new(transaction)
        .text("DELETE FROM idempotency_keys WHERE tenant_id = ")
        .value(key.tenant_id, Type::Uuid)
        .text(" AND operation = ")
        .value(key.operation.clone(), Type::Text)
        .text(" AND key_hash = ")
        .value(key.key_hash.clone(), Type::Bytes)
        .text(" AND created_at < ")
        .value(now - KEY_LIFE_MS, Type::Int);
    if expired.run(transaction).await?.rows_affected() > 0 {
        insert_keys(transaction, &[(0, key)]).await?;
        return Ok(None);
    }
    let primary = (key.tenant_id, key.operation.clone(), key.key_hash.clone());
    #[expect(clippy::disallowed_methods, reason = "all key columns are given")]
    let earlier = idempotency_key::Entity::find_by_id(primary).one(transaction).await?;
    let earlier = earlier.ok_or(StoreError::Busy)?;
    if earlier.body_hash != key.body_hash {
        return Ok(Some(Submitted::KeyReused));
    }
    Ok(Some(Submitted::Replayed {
        status: u16::try_from(earlier.status).map_err(|_| StoreError::Corrupt("status"))?,
        location: earlier.location,
        answer: earlier.answer,
    }))
}

impl Store {
    /// Stores messages, each after what it supersedes was withdrawn.
    pub(super) async fn insert_messages(
        &self,
        transaction: &DatabaseTransaction,
        messages: &[&PreparedMessage],
        now: i64,
    ) -> Result<(), StoreError> {
        let mut from = 0;
        for (at, prepared) in messages.iter().enumerate() {
            if prepared.message.supersede_key.is_some() {
                // What came before it must be there to be withdrawn: in one group the later wins.
                insert(transaction, messages.get(from..at).unwrap_or_default()).await?;
                from = at;
                self.supersede(transaction, prepared, now).await?;
            }
        }
        insert(transaction, messages.get(from..).unwrap_or_default()).await
    }

    /// Withdraws what still waits of older messages of the same kind and key.
    async fn supersede(
        &self,
        transaction: &DatabaseTransaction,
        newer: &PreparedMessage,
        now: i64,
    ) -> Result<(), StoreError> {
        let Some(key) = &newer.message.supersede_key else {
            return Ok(());
        };
        let tenant = newer.message.tenant_id;
        let sql = Sql::new(transaction)
            .text("UPDATE deliveries SET status = 'superseded', due_at = NULL, held_by = NULL, updated_at = ")
            .value(now, Type::Int)
            .text(" WHERE tenant_id = ")
            .value(tenant, Type::Uuid)
            .text(" AND due_at IS NOT NULL AND status <> 'outcome_unknown' AND message_id IN (SELECT id FROM messages WHERE tenant_id = ")
            .value(tenant, Type::Uuid)
            .text(" AND kind = ")
            .value(newer.message.kind.clone(), Type::Text)
            .text(" AND supersede_key = ")
            .value(key.clone(), Type::Text)
            // As at the fence: of two that commit the other way round, the one with the later id stays.
            .text(" AND id < ")
            .value(newer.message.id, Type::Uuid)
            .text(") RETURNING id, message_id");
        let replaced: Vec<Replaced> = sql.all(transaction).await?;
        let event = |row: &Replaced| {
            let mut detail = Map::new();
            detail.insert("by".to_owned(), newer.message.id.to_string().into());
            self.event(
                (tenant, row.message_id, Some(row.id)),
                EventType::Superseded,
                now,
                detail,
            )
        };
        let replacements: Vec<_> = replaced.iter().map(event).collect();
        events::insert(transaction, &replacements).await?;
        let finished: Vec<_> = replaced.iter().map(|row| (tenant, row.message_id)).collect();
        super::erase_finished_codes(transaction, &finished).await
    }
}

async fn insert(transaction: &DatabaseTransaction, prepared: &[&PreparedMessage]) -> Result<(), StoreError> {
    let deliveries: Vec<&delivery::Model> = prepared.iter().flat_map(|message| &message.deliveries).collect();
    if deliveries.is_empty() {
        return Ok(());
    }
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Both in one statement: the way there and back is what costs a single message.
        let heads = heads(Sql::new(transaction).text("WITH m AS ("), prepared).text(") ");
        copies(heads, &deliveries).run(transaction).await?;
        return Ok(());
    }
    for piece in pieces(transaction, prepared) {
        heads(Sql::new(transaction), piece).run(transaction).await?;
    }
    for piece in pieces(transaction, &deliveries) {
        copies(Sql::new(transaction), piece).run(transaction).await?;
    }
    Ok(())
}

fn heads(sql: Sql, prepared: &[&PreparedMessage]) -> Sql {
    const TYPES: [Type; 11] = [
        Type::Uuid,
        Type::Uuid,
        Type::Text,
        Type::Int,
        Type::Text,
        Type::Int,
        Type::Int,
        Type::MaybeInt,
        Type::MaybeText,
        Type::Text,
        Type::Bytes,
    ];
    sql.text("INSERT INTO messages (tenant_id, id, kind, lane, locale, created_at, expires_at, send_at, supersede_key, metadata, sealed) ")
        .rows(prepared, TYPES, |prepared| {
            let row = &prepared.message;
            [
                row.tenant_id.into(),
                row.id.into(),
                row.kind.clone().into(),
                row.lane.into(),
                row.locale.clone().into(),
                row.created_at.into(),
                row.expires_at.into(),
                row.send_at.into(),
                row.supersede_key.clone().into(),
                row.metadata.clone().into(),
                prepared.sealed.clone().into(),
            ]
        })
}

fn copies(sql: Sql, rows: &[&delivery::Model]) -> Sql {
    const TYPES: [Type; 17] = [
        Type::Uuid,
        Type::Uuid,
        Type::Uuid,
        Type::Int,
        Type::Text,
        Type::Text,
        Type::MaybeText,
        Type::Text,
        Type::Text,
        Type::MaybeInt,
        Type::Int,
        Type::Int,
        Type::Int,
        Type::Int,
        Type::MaybeInt,
        Type::MaybeUuid,
        Type::Int,
    ];
    sql.text(
        "INSERT INTO deliveries (tenant_id, id, message_id, lane, kind, recipient, recipient_name, message_id_domain, ",
    )
    .text("status, due_at, expires_at, attempts, unknowns, lease_epoch, lease_until, lease_node, updated_at) ")
    .rows(rows, TYPES, |row| {
        [
            row.tenant_id.into(),
            row.id.into(),
            row.message_id.into(),
            row.lane.into(),
            row.kind.clone().into(),
            row.recipient.clone().into(),
            row.recipient_name.clone().into(),
            row.message_id_domain.clone().into(),
            row.status.clone().into(),
            row.due_at.into(),
            row.expires_at.into(),
            row.attempts.into(),
            row.unknowns.into(),
            row.lease_epoch.into(),
            row.lease_until.into(),
            row.lease_node.into(),
            row.updated_at.into(),
        ]
    })
}
