//! Reading messages and their timelines.

use actix_web::{get, web};
use deserr::Deserr;
use domain::{
    address::EmailAddress,
    fault::Fault,
    ids::MessageId,
    message::{kind::Kind, state::MessageStatus},
};
use storage::tenant::MessageFilter;
use utoipa::IntoParams;

use super::{
    message_body::{EventBody, MessageBody},
    paths::{TenantItemPath, TenantPath},
};
use crate::{
    access::{Access, may},
    body::{Faults, Parsed},
    page::{Limit, List, PageQuery, WireCursor, page_request},
    problem::{Code, Problem},
    query::Query,
    wire::WireInstant,
};

/// Which messages to list; all that are given must hold.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Faults, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageQuery {
    /// What the message as a whole is: a delivery status, or `mixed`.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "sent")]
    status: Option<Parsed<WireStatus>>,
    /// Its kind.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "notification")]
    kind: Option<Parsed<Kind>>,
    /// The address of a recipient.
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "bob@acme.example")]
    to: Option<Parsed<EmailAddress>>,
    /// Accepted at or after (RFC 3339).
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "2026-01-31T12:00:00Z")]
    since: Option<Parsed<WireInstant>>,
    /// Accepted before (RFC 3339).
    #[deserr(default)]
    #[param(value_type = Option<String>, example = "2026-02-28T12:00:00Z")]
    until: Option<Parsed<WireInstant>>,
    /// Entries a page, 1 to 200; 50 by default.
    #[deserr(default)]
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<Parsed<Limit>>,
    /// The `next_cursor` of the page before.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    cursor: Option<Parsed<WireCursor>>,
}

/// A message's status as a filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireStatus(MessageStatus);

impl std::str::FromStr for WireStatus {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if text == MessageStatus::Mixed.as_str() {
            return Ok(Self(MessageStatus::Mixed));
        }
        text.parse().map(|status| Self(MessageStatus::All(status)))
    }
}

/// The message a path names; what is no id names nothing.
pub(crate) fn message_id(text: &str) -> Result<MessageId, Problem> {
    text.parse().map_err(|_| Problem::plain(Code::NotFound))
}

/// List a tenant's messages, newest first.
#[utoipa::path(
    operation_id = "messages.list", tag = "Messages",
    params(TenantPath, MessageQuery),
    responses((status = 200, description = "A page of messages", body = List<MessageBody>))
)]
#[get("/v1/tenants/{tenant}/messages")]
pub(crate) async fn list(
    access: Access<may::ReadMessages>,
    query: Query,
) -> Result<web::Json<List<MessageBody>>, Problem> {
    let query: MessageQuery = query.read()?;
    let filter = MessageFilter {
        status: query.status.map(|status| status.0.0),
        kind: query.kind.map(|kind| kind.0),
        to: query.to.map(|to| to.0.to_string()),
        since: query.since.map(|since| since.0.0),
        until: query.until.map(|until| until.0.0),
    };
    let page = page_request(query.limit.as_ref(), query.cursor.as_ref());
    Ok(web::Json(List::of(
        access.store().messages(&filter, page).await?,
        MessageBody::from,
    )))
}

/// Read a message with its deliveries.
#[utoipa::path(
    operation_id = "messages.read", tag = "Messages",
    params(TenantItemPath),
    responses((status = 200, description = "The message", body = MessageBody))
)]
#[get("/v1/tenants/{tenant}/messages/{id}")]
pub(crate) async fn read(
    access: Access<may::ReadMessages>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<MessageBody>, Problem> {
    Ok(web::Json(access.store().message(message_id(&path.1)?).await?.into()))
}

/// Read a message's timeline, oldest first.
#[utoipa::path(
    operation_id = "messages.events", tag = "Messages",
    params(TenantItemPath, PageQuery),
    responses((status = 200, description = "A page of the timeline", body = List<EventBody>))
)]
#[get("/v1/tenants/{tenant}/messages/{id}/events")]
pub(crate) async fn events(
    access: Access<may::ReadMessages>,
    path: web::Path<(String, String)>,
    query: Query,
) -> Result<web::Json<List<EventBody>>, Problem> {
    let id = message_id(&path.1)?;
    let page = access.store().events(id, query.read::<PageQuery>()?.request()).await?;
    Ok(web::Json(List::of(page, EventBody::from)))
}
