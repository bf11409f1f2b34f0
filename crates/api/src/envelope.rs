//! What is around every answer: the request's id, its log line, and problems written as problems.
//!
//! Handlers, extractors and the framework may all fail; here, and only here, a failure becomes `application/problem+json`.
//! A panic is one of them: the caller gets a 500 with the id, the log has the rest.

use std::panic::AssertUnwindSafe;

use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use crate::{
    Api,
    problem::{Code, Problem},
};

/// The header of a request's id.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of an incoming id that is kept, at most.
const MAX_REQUEST_ID: usize = 128;

/// The id of a request: in the answer's header, in problems, on every log line.
#[derive(Debug, Clone)]
pub struct RequestId(String);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a request, as [`wrap`] has given it.
pub(crate) fn request_id_of(request: &actix_web::HttpRequest) -> String {
    request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default()
}

/// The middleware; give it to `actix_web::middleware::from_fn`.
///
/// # Errors
/// Never one that is not written: the `Err` holds a whole answer, for where the request is gone with what failed.
pub async fn wrap(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id(&request);
    request.extensions_mut().insert(id.clone());
    if request.method() == Method::HEAD {
        // Answered like GET (RFC 9110 §9.3.2); the server itself leaves the body out.
        request.head_mut().method = Method::GET;
    }
    let span = tracing::info_span!("request", request.id = id.as_str(), http.method = %request.method(), http.route = tracing::field::Empty);
    // The request must not be shared while the router works on it, so nothing of it is kept here.
    let answered = AssertUnwindSafe(next.call(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let _entered = span.enter();
    let failed = match answered {
        Ok(Ok(response)) => {
            span.record("http.route", response.request().match_pattern().unwrap_or_default());
            let (request, response) = response.into_parts();
            return Ok(ServiceResponse::new(
                request,
                finish(response.map_into_boxed_body(), &id),
            ));
        }
        Ok(Err(error)) => error.error_response(),
        Err(_) => Problem::plain(Code::Internal).error_response(),
    };
    Err(InternalError::from_response("answered", finish(failed, &id)).into())
}

/// A sane incoming id is kept, so that a caller can follow a request through several services.
fn request_id(request: &ServiceRequest) -> RequestId {
    let sane = |text: &&str| {
        (1..=MAX_REQUEST_ID).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    let given = request
        .headers()
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(sane);
    RequestId(given.map_or_else(|| fresh_id(request), str::to_owned))
}

fn fresh_id(request: &ServiceRequest) -> String {
    request
        .app_data::<web::Data<Api>>()
        .map(|api| api.ids.next().to_string())
        .unwrap_or_default()
}

/// The answer as it goes out: a problem where it is a failure, with the request's id, and logged.
fn finish(response: HttpResponse, id: &RequestId) -> HttpResponse {
    let problem = response.extensions().get::<Problem>().cloned();
    let problem = problem.or_else(|| framework_problem(response.status()).filter(|_| is_unwritten(&response)));
    let mut response = problem.map_or(response, |problem| problem.response(id.as_str()));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    if response.status().is_server_error() {
        tracing::error!(http.status = status, "request failed");
    } else {
        tracing::debug!(http.status = status, "request answered");
    }
    response
}

/// Whether the framework wrote this answer: without a type, or as plain text.
fn is_unwritten(response: &HttpResponse) -> bool {
    let kind = response.headers().get("content-type");
    kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// What the framework's own refusals are in our words.
fn framework_problem(status: StatusCode) -> Option<Problem> {
    let code = match status.as_u16() {
        400 => Code::InvalidJson,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        413 => Code::PayloadTooLarge,
        415 => Code::UnsupportedMediaType,
        500..=599 => Code::Internal,
        _ => return None,
    };
    Some(Problem::plain(code))
}

#[cfg(test)]
mod tests;
