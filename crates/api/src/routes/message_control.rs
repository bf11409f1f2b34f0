//! Withdrawing messages and putting them back.

use actix_web::{post, web};

use super::{message_body::MessageBody, message_reads::message_id, paths::TenantItemPath};
use crate::{
    access::{Access, may},
    problem::Problem,
};

/// Cancel a message: every delivery that no worker holds and no server may have. 409 where there is none.
#[utoipa::path(
    operation_id = "messages.cancel", tag = "Messages",
    params(TenantItemPath),
    responses((status = 200, description = "The message", body = MessageBody), (status = 409, description = "Nothing of it can be cancelled"))
)]
#[post("/v1/tenants/{tenant}/messages/{id}/cancel")]
pub(crate) async fn cancel(
    access: Access<may::ControlMessages>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<MessageBody>, Problem> {
    Ok(web::Json(
        access.store().cancel_message(message_id(&path.1)?).await?.into(),
    ))
}

/// Retry a message: every delivery that failed or whose outcome is unknown is due now. 409 where there is none.
#[utoipa::path(
    operation_id = "messages.retry", tag = "Messages",
    params(TenantItemPath),
    responses((status = 200, description = "The message", body = MessageBody), (status = 409, description = "Nothing of it can be retried"))
)]
#[post("/v1/tenants/{tenant}/messages/{id}/retry")]
pub(crate) async fn retry(
    access: Access<may::ControlMessages>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<MessageBody>, Problem> {
    Ok(web::Json(
        access.store().retry_message(message_id(&path.1)?).await?.into(),
    ))
}
