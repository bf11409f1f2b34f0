//! Messages, deliveries and events as clients read them. What a message says is never among it.

use domain::message::{Delivery, Event, Message, NewMessage};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::wire::instant;

/// A message.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageBody {
    /// Its id.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    id: String,
    /// What it is.
    #[schema(example = "two_factor_code")]
    kind: &'static str,
    /// How urgent: `urgent`, `interactive` or `background`.
    #[schema(example = "urgent")]
    lane: &'static str,
    /// Its deliveries' status when all agree, else `mixed`.
    #[schema(example = "queued")]
    status: &'static str,
    /// When it was accepted.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    created_at: String,
    /// When it is too late to send.
    #[schema(example = "2026-01-31T12:10:00.000Z")]
    expires_at: String,
    /// Not before then.
    #[schema(example = json!(null))]
    send_at: Option<String>,
    /// The language it is rendered in.
    #[schema(example = "en")]
    locale: String,
    /// The key it can be replaced by.
    #[schema(example = "user-17")]
    supersede_key: Option<String>,
    /// The producer's own marks.
    #[schema(value_type = Object, example = json!({"ticket": "42"}))]
    metadata: Map<String, Value>,
    /// Its recipients' copies.
    deliveries: Vec<DeliveryBody>,
}

/// One recipient's copy of a message.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryBody {
    /// Its id.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8c")]
    id: String,
    /// Whose copy.
    #[schema(example = "bob@acme.example")]
    to: String,
    /// Where it stands.
    #[schema(example = "queued")]
    status: &'static str,
    /// What keeps it waiting though it is due: `relay_paused`, `no_route`, `tenant_suspended`, `configuration`,
    /// `server_unavailable`.
    #[schema(example = json!(null))]
    held_by: Option<&'static str>,
    /// Attempts so far.
    #[schema(example = 0)]
    attempts: u32,
    /// When the next attempt is due.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    next_attempt_at: Option<String>,
    /// The last reply or failure, in one line.
    #[schema(example = json!(null))]
    last_error: Option<String>,
    /// When its status last changed.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    updated_at: String,
}

/// An entry of a message's timeline. By type it also has `route`, `stage`, `reply`, `error`, `tls_version`, `duration_ms`,
/// `next_attempt_at`, `held_by`.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// Its id.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8d")]
    id: String,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "sent")]
    type_: &'static str,
    /// When.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    at: String,
    /// The message.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    message_id: String,
    /// The copy it is about; null for the message as a whole.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8c")]
    delivery_id: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    detail: Map<String, Value>,
}

impl MessageBody {
    /// A message as it is when it is accepted.
    pub(crate) fn accepted(new: &NewMessage) -> Self {
        let status = new.initial_status();
        let kind = new.content.kind();
        let due_at = new.send_at.unwrap_or(new.created_at).max(new.created_at);
        let deliveries = new.recipients.iter().map(|(id, recipient)| DeliveryBody {
            id: id.to_string(),
            to: recipient.email.to_string(),
            status: status.as_str(),
            held_by: None,
            attempts: 0,
            next_attempt_at: Some(instant(due_at)),
            last_error: None,
            updated_at: instant(new.created_at),
        });
        Self {
            id: new.id.to_string(),
            kind: kind.as_str(),
            lane: kind.lane().as_str(),
            status: status.as_str(),
            created_at: instant(new.created_at),
            expires_at: instant(new.expires_at),
            send_at: new.send_at.map(instant),
            locale: new.locale.as_str().to_owned(),
            supersede_key: new.supersede_key.clone(),
            metadata: new.metadata.clone(),
            deliveries: deliveries.collect(),
        }
    }
}

impl From<Message> for MessageBody {
    fn from(message: Message) -> Self {
        Self {
            id: message.id.to_string(),
            kind: message.kind.as_str(),
            lane: message.lane.as_str(),
            status: message.status().as_str(),
            created_at: instant(message.created_at),
            expires_at: instant(message.expires_at),
            send_at: message.send_at.map(instant),
            locale: message.locale.as_str().to_owned(),
            supersede_key: message.supersede_key,
            metadata: message.metadata,
            deliveries: message.deliveries.into_iter().map(DeliveryBody::from).collect(),
        }
    }
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            to: delivery.to.to_string(),
            status: delivery.status.as_str(),
            held_by: delivery.held_by.map(domain::message::HeldBy::as_str),
            attempts: delivery.attempts,
            next_attempt_at: delivery.due_at.map(instant),
            last_error: delivery.last_error,
            updated_at: instant(delivery.updated_at),
        }
    }
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            type_: event.event_type.as_str(),
            at: instant(event.at),
            message_id: event.message_id.to_string(),
            delivery_id: event.delivery_id.map(|id| id.to_string()),
            detail: event.detail,
        }
    }
}
