//! Events: what happened to a message beside its acceptance and its attempts, a row for each.

use domain::{ids::EventId, message::EventType};
use sea_orm::ConnectionTrait;
use serde_json::Map;
use uuid::Uuid;

use super::rows::{Sql, Type, pieces};
use crate::{Store, error::StoreError};

/// An event to be stored.
#[derive(Debug, Clone)]
pub(super) struct EventRow {
    tenant_id: Uuid,
    id: Uuid,
    message_id: Uuid,
    delivery_id: Option<Uuid>,
    event_type: EventType,
    at: i64,
    detail: String,
}

impl Store {
    pub(super) fn event(
        &self,
        (tenant_id, message_id, delivery_id): (Uuid, Uuid, Option<Uuid>),
        event_type: EventType,
        at: i64,
        detail: Map<String, serde_json::Value>,
    ) -> EventRow {
        EventRow {
            tenant_id,
            id: EventId::generate(self.ids()).uuid(),
            message_id,
            delivery_id,
            event_type,
            at,
            detail: serde_json::Value::Object(detail).to_string(),
        }
    }
}

pub(super) async fn insert<C: ConnectionTrait>(connection: &C, events: &[EventRow]) -> Result<(), StoreError> {
    const TYPES: [Type; 7] = [
        Type::Uuid,
        Type::Uuid,
        Type::Uuid,
        Type::MaybeUuid,
        Type::Text,
        Type::Int,
        Type::Text,
    ];
    for piece in pieces(connection, events) {
        Sql::new(connection)
            .text("INSERT INTO events (tenant_id, id, message_id, delivery_id, type, at, detail) ")
            .rows(piece, TYPES, |event| {
                [
                    event.tenant_id.into(),
                    event.id.into(),
                    event.message_id.into(),
                    event.delivery_id.into(),
                    event.event_type.as_str().into(),
                    event.at.into(),
                    event.detail.clone().into(),
                ]
            })
            .run(connection)
            .await?;
    }
    Ok(())
}
