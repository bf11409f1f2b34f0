//! Submitting messages: checked as a whole, stored as a whole, answered 202 when they are on disk.

use actix_web::{HttpResponse, post};
use chrono::Duration;
use deserr::Deserr;
use domain::{
    access::Standing,
    address::Domain,
    connection::{Connection, MAX_O365_REQUEST, least_o365_request},
    fault::{Fault, FaultCode},
    ids::{DeliveryId, MessageId},
    message::{Locale, MAX_BATCH, MAX_LIFE_DAYS, MAX_RECIPIENTS, NewMessage},
};
use serde::Serialize;
use serde_json::Value;
use storage::outbox::{Idempotency, Submitted};
use utoipa::ToSchema;

use super::{
    email_settings::effective_from,
    message_body::MessageBody,
    message_input::{MessageInput, parse_content},
    paths::{IdempotencyHeader, TenantPath},
};
use crate::{
    access::{Access, may},
    body::{Body, Faults, parse_json, read_value},
    idempotency::{Key, answer},
    problem::{Code, Problem, ProblemBody},
};

/// Octets of one message's body: 10 MiB of content, with base64 and JSON around it.
const MESSAGE_LIMIT: usize = 14 * 1024 * 1024;
/// What idempotency keys are for: one key is one submission, single or batch.
const SUBMISSION: &str = "messages";
/// Octets of a batch.
const BATCH_LIMIT: usize = 32 * 1024 * 1024;

/// Several messages at once.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body for the document; the entries are read one by one, so that one bad one fails alone"
)]
pub(crate) struct MessageBatch {
    /// 1 to 500 messages.
    messages: Vec<MessageInput>,
}

/// A batch as read: its entries are judged apart.
#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct BatchInput {
    messages: Vec<Value>,
}

/// What became of each message of a batch, in its order.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchAnswer {
    results: Vec<BatchResult>,
}

/// What became of one message of a batch.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchResult {
    /// 202, or the status of its problem.
    #[schema(example = 202)]
    status: u16,
    /// The message, if it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageBody>,
    /// The problem, if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemBody>,
}

/// Submit a message. 202 means that it is on disk: it survives the end of this process at any moment.
#[utoipa::path(
    operation_id = "messages.submit", tag = "Messages",
    params(TenantPath, IdempotencyHeader),
    request_body = MessageInput,
    responses((status = 202, description = "Accepted", body = MessageBody))
)]
#[post("/v1/tenants/{tenant}/messages")]
pub(crate) async fn submit(access: Access<may::SubmitMessages>, key: Key, body: Body) -> Result<HttpResponse, Problem> {
    let way = sendable(&access).await?;
    let bytes = body.bytes("application/json", MESSAGE_LIMIT).await?;
    let key = key.read()?;
    let message = way.admit(parse_message(&access, parse_json(&bytes)?)?)?;
    let shown = MessageBody::accepted(&message);
    let location = format!("/v1/tenants/{}/messages/{}", access.scope.id(), message.id);
    let fresh = Answer {
        body: serialized(&shown)?,
        location: Some(location),
    };
    let stored = store(&access, &[message], &way.from_domain, (key, bytes), &fresh).await?;
    answer(stored, || fresh.response())
}

/// Submit up to 500 messages at once. Each is accepted or refused by itself; the accepted ones are stored together.
#[utoipa::path(
    operation_id = "messages.submitBatch", tag = "Messages",
    params(TenantPath, IdempotencyHeader),
    request_body = MessageBatch,
    responses((status = 202, description = "What became of each", body = BatchAnswer))
)]
#[post("/v1/tenants/{tenant}/messages/batch")]
pub(crate) async fn submit_batch(
    access: Access<may::SubmitMessages>,
    request: actix_web::HttpRequest,
    key: Key,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let way = sendable(&access).await?;
    let bytes = body.bytes("application/json", BATCH_LIMIT).await?;
    let key = key.read()?;
    let batch: BatchInput = read_value(parse_json(&bytes)?)?;
    check_batch(&batch)?;
    let parsed: Vec<_> = batch
        .messages
        .into_iter()
        .map(|message| way.admit(parse_message(&access, message)?))
        .collect();
    let request_id = crate::envelope::request_id_of(&request);
    let results = parsed
        .iter()
        .map(|parsed| BatchResult::of(parsed, &request_id))
        .collect();
    let messages: Vec<NewMessage> = parsed.into_iter().flatten().collect();
    let fresh = Answer {
        body: serialized(&BatchAnswer { results })?,
        location: None,
    };
    let stored = store(&access, &messages, &way.from_domain, (key, bytes), &fresh).await?;
    answer(stored, || fresh.response())
}

impl BatchResult {
    fn of(parsed: &Result<NewMessage, Problem>, request_id: &str) -> Self {
        match parsed {
            Ok(message) => Self {
                status: 202,
                message: Some(MessageBody::accepted(message)),
                problem: None,
            },
            Err(problem) => Self {
                status: problem.code().status().as_u16(),
                message: None,
                problem: Some(problem.body(request_id)),
            },
        }
    }
}

/// A fresh answer, written before it is true, so that it can be stored with what makes it true.
struct Answer {
    body: Vec<u8>,
    location: Option<String>,
}

impl Answer {
    fn response(self) -> HttpResponse {
        let mut response = HttpResponse::Accepted();
        if let Some(location) = self.location {
            response.insert_header(("Location", location));
        }
        response.content_type("application/json").body(self.body)
    }
}

fn serialized(body: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(|_| Problem::plain(Code::Internal))
}

async fn store<P>(
    access: &Access<P>,
    messages: &[NewMessage],
    from_domain: &Domain,
    (key, body): (Option<String>, Vec<u8>),
    fresh: &Answer,
) -> Result<Submitted, Problem> {
    let key = key.map(|key| Idempotency {
        operation: SUBMISSION,
        key,
        body,
        status: 202,
        location: fresh.location.clone(),
        answer: fresh.body.clone(),
    });
    let stored = access
        .api
        .store
        .submit(&access.scope, messages, from_domain, key)
        .await?;
    if stored == Submitted::Stored {
        tracing::info!(tenant.id = %access.scope.id(), messages = messages.len(), "accepted");
    }
    Ok(stored)
}

fn check_batch(batch: &BatchInput) -> Result<(), Problem> {
    let fault = match batch.messages.len() {
        0 => Fault::new(FaultCode::Required, "At least one message."),
        1..=MAX_BATCH => return Ok(()),
        _ => Fault::too_long(format!("At most {MAX_BATCH} messages.")),
    };
    Err(Problem::invalid(vec![fault.at("/messages")]))
}

/// What a tenant's way out asks of its messages.
struct Way {
    from_domain: Domain,
    /// Octets of a request, where the send method has a limit of its own.
    max_request: Option<usize>,
}

impl Way {
    /// Refuses what could never be sent by it, while somebody is there to hear of it.
    fn admit(&self, message: NewMessage) -> Result<NewMessage, Problem> {
        match self.max_request {
            Some(max) if least_o365_request(&message.content) > max => Err(Problem::new(
                Code::PayloadTooLarge,
                format!("The mail would be larger than the {max} octets that Microsoft Graph takes in one request."),
            )),
            Some(_) | None => Ok(message),
        }
    }
}

/// The way out, where the tenant can send at all.
async fn sendable<P>(access: &Access<P>) -> Result<Way, Problem> {
    if access.scope.standing() == Standing::Suspended {
        return Err(Problem::plain(Code::TenantSuspended));
    }
    let sending = access.store().sending().await?;
    let sending = sending.ok_or_else(|| Problem::plain(Code::EmailNotConfigured))?;
    Ok(Way {
        from_domain: effective_from(access, &sending.branding).from.address.domain().clone(),
        max_request: match sending.connection.as_deref() {
            Some(Connection::O365(_)) => Some(MAX_O365_REQUEST),
            Some(Connection::Smtp(_)) | None => None,
        },
    })
}

fn parse_message<P>(access: &Access<P>, value: Value) -> Result<NewMessage, Problem> {
    let now = access.api.clock.now();
    let (input, content, mut faults) = parse_content(value)?;
    if input.to.is_empty() || input.to.len() > MAX_RECIPIENTS {
        let code = if input.to.is_empty() {
            FaultCode::Required
        } else {
            FaultCode::TooLong
        };
        faults.push(Fault::new(code, format!("1 to {MAX_RECIPIENTS} recipients.")).at("/to"));
    }
    let send_at = input.send_at.map(|at| at.0.0);
    let starts = send_at.filter(|at| *at > now).unwrap_or(now);
    let latest = now + Duration::days(MAX_LIFE_DAYS);
    let expires_at = match (input.expires_at.map(|at| at.0.0), &content) {
        (Some(at), _) => at,
        (None, Some(content)) => starts + content.default_life(),
        (None, None) => starts,
    };
    let out_of_range = |detail: String, pointer| Fault::new(FaultCode::OutOfRange, detail).at(pointer);
    if content.is_some() && (expires_at <= now || expires_at > latest) {
        faults.push(out_of_range(
            format!("Must be in the future, within {MAX_LIFE_DAYS} days."),
            "/expires_at",
        ));
    }
    if send_at.is_some_and(|at| at >= expires_at) && content.is_some() {
        faults.push(out_of_range(
            "Must be before the message expires.".to_owned(),
            "/send_at",
        ));
    }
    let (Some(content), true) = (content, faults.is_empty()) else {
        return Err(Problem::invalid(faults));
    };
    let ids = &*access.api.ids;
    Ok(NewMessage {
        id: MessageId::generate(ids),
        content,
        recipients: input
            .to
            .into_iter()
            .map(|to| (DeliveryId::generate(ids), to.into()))
            .collect(),
        locale: input.locale.map_or_else(Locale::default, |locale| locale.0),
        created_at: now,
        expires_at,
        send_at,
        supersede_key: input.supersede_key.map(|key| key.0.0),
        metadata: input.metadata.map(|metadata| metadata.0).unwrap_or_default(),
    })
}
