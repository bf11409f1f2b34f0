//! Why a message is where it is, and what happens next: in sentences and in data.

use actix_web::{get, web};
use domain::{
    clock::Timestamp,
    message::{Delivery, HeldBy, Message, state::DeliveryStatus},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{message_reads::message_id, paths::TenantItemPath};
use crate::{
    access::{Access, may},
    problem::Problem,
    wire::instant,
};

/// Why a message is where it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// The message.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    message_id: String,
    /// Its status.
    #[schema(example = "deferred")]
    status: &'static str,
    /// One sentence on the whole.
    #[schema(example = "The next server took 1 of 2; 1 under way, 0 ended without being sent.")]
    summary: String,
    /// Each copy.
    deliveries: Vec<DeliveryExplanation>,
}

/// Why one copy is where it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryExplanation {
    /// The delivery.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8c")]
    id: String,
    /// Whose copy.
    #[schema(example = "bob@acme.example")]
    to: String,
    /// Where it stands.
    #[schema(example = "deferred")]
    status: &'static str,
    /// What keeps it waiting though it is due.
    #[schema(example = json!(null))]
    held_by: Option<&'static str>,
    /// Attempts so far.
    #[schema(example = 1)]
    attempts: u32,
    /// When the next attempt is due.
    #[schema(example = "2026-01-31T12:01:00.000Z")]
    next_attempt_at: Option<String>,
    /// When it is too late.
    #[schema(example = "2026-02-03T12:00:00.000Z")]
    gives_up_at: Option<String>,
    /// The last reply or failure.
    #[schema(example = "rcpt_to: 450 4.2.0 greylisted")]
    last_error: Option<String>,
    /// Why it is where it is.
    #[schema(example = "The next server asked to try again later (rcpt_to: 450 4.2.0 greylisted).")]
    why: String,
    /// What happens next.
    #[schema(example = "It is tried again at 2026-01-31T12:01:00.000Z, and given up at 2026-02-03T12:00:00.000Z.")]
    next: String,
}

/// Explain a message: why it is where it is, and what happens next.
#[utoipa::path(
    operation_id = "messages.explain", tag = "Messages",
    params(TenantItemPath),
    responses((status = 200, description = "The explanation", body = Explanation))
)]
#[get("/v1/tenants/{tenant}/messages/{id}/explain")]
pub(crate) async fn explain(
    access: Access<may::ReadMessages>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<Explanation>, Problem> {
    let message = access.store().message(message_id(&path.1)?).await?;
    Ok(web::Json(explanation(&message)))
}

/// The explanation of a message.
pub(crate) fn explanation(message: &Message) -> Explanation {
    Explanation {
        message_id: message.id.to_string(),
        status: message.status().as_str(),
        summary: summary(message),
        deliveries: message
            .deliveries
            .iter()
            .map(|delivery| of_delivery(message, delivery))
            .collect(),
    }
}

fn summary(message: &Message) -> String {
    let all = message.deliveries.len();
    let count = |wanted: fn(DeliveryStatus) -> bool| {
        message
            .deliveries
            .iter()
            .filter(|delivery| wanted(delivery.status))
            .count()
    };
    let sent = count(|status| status == DeliveryStatus::Sent);
    let open = count(|status| !status.is_final());
    let failed = all - sent - open;
    format!("The next server took {sent} of {all}; {open} under way, {failed} ended without being sent.")
}

fn of_delivery(message: &Message, delivery: &Delivery) -> DeliveryExplanation {
    DeliveryExplanation {
        id: delivery.id.to_string(),
        to: delivery.to.to_string(),
        status: delivery.status.as_str(),
        held_by: delivery.held_by.map(HeldBy::as_str),
        attempts: delivery.attempts,
        next_attempt_at: delivery.due_at.map(instant),
        gives_up_at: (!delivery.status.is_final()).then(|| instant(message.expires_at)),
        last_error: delivery.last_error.clone(),
        why: why(delivery),
        next: next(delivery, message.expires_at),
    }
}

fn why(delivery: &Delivery) -> String {
    let last = delivery
        .last_error
        .as_ref()
        .map(|error| format!(" ({error})"))
        .unwrap_or_default();
    match (delivery.status, delivery.held_by) {
        (_, Some(HeldBy::RelayPaused)) => "An operator has paused the relay.".to_owned(),
        (_, Some(HeldBy::NoRoute)) => "The relay has no route that may be used: none exists, or all are paused.".to_owned(),
        (_, Some(HeldBy::TenantSuspended)) => "The provider has suspended this tenant.".to_owned(),
        (_, Some(HeldBy::Configuration)) => format!("The next server refused the relay itself, not this recipient{last}."),
        (_, Some(HeldBy::ServerUnavailable)) => format!("The next server fails or is busy, and is asked again shortly{last}."),
        (DeliveryStatus::Scheduled, _) => "It waits for its send_at.".to_owned(),
        (DeliveryStatus::Queued, None) => "It waits for a worker.".to_owned(),
        (DeliveryStatus::Sending, _) => "A relay process is sending it now.".to_owned(),
        (DeliveryStatus::Deferred, _) => format!("The last attempt did not succeed, for a reason that may pass{last}."),
        (DeliveryStatus::Sent, _) => "The next server took it.".to_owned(),
        (DeliveryStatus::Bounced, _) => format!("The next server refused it for good{last}."),
        (DeliveryStatus::Expired, _) => format!("Its time ran out before it could be sent{last}."),
        (DeliveryStatus::Cancelled, _) => "It was cancelled.".to_owned(),
        (DeliveryStatus::Superseded, _) => "A newer message with the same supersede_key took its place.".to_owned(),
        (DeliveryStatus::Suppressed, _) => "The address is on the suppression list.".to_owned(),
        (DeliveryStatus::OutcomeUnknown, _) => {
            "The connection was lost after the message was handed over and before the server's answer: it may have arrived.".to_owned()
        }
    }
}

fn next(delivery: &Delivery, expires_at: Timestamp) -> String {
    let gives_up = instant(expires_at);
    match (delivery.status, delivery.due_at, delivery.held_by) {
        (DeliveryStatus::OutcomeUnknown, Some(at), None) => format!("It is sent once more at {}.", instant(at)),
        (DeliveryStatus::OutcomeUnknown, None, _) => {
            "It is not sent again by itself, so that nobody gets it twice; retry it if it is missed.".to_owned()
        }
        (_, Some(at), Some(HeldBy::ServerUnavailable)) => {
            format!("It is tried at {}, and given up at {gives_up}.", instant(at))
        }
        (_, Some(_), Some(_)) => format!("It is sent when that is mended, and given up at {gives_up}."),
        (_, Some(at), None) => format!("It is tried at {}, and given up at {gives_up}.", instant(at)),
        (DeliveryStatus::Sending, None, _) => "Its outcome follows within minutes.".to_owned(),
        (_, None, _) => "Nothing more happens.".to_owned(),
    }
}
