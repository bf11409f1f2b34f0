//! What is around every answer: the request's id, its log line, and problems written as problems.
//!
//! Handlers, extractors and the framework may all fail; here, and only here, a failure becomes `application/problem+json`.
//! A panic is one of them: the caller gets a 500 with the id, the log has the rest.

use std::panic::AssertUnwindSafe;

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
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
/// Never: every failure becomes an answer.
pub async fn wrap(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id(&request);
    request.extensions_mut().insert(id.clone());
    let http = request.request().clone();
    let span = tracing::info_span!("request", request.id = id.as_str(), http.method = %http.method(), http.route = tracing::field::Empty);
    let answered = AssertUnwindSafe(next.call(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let response = match answered {
        Ok(Ok(response)) => finish(response.into_parts().1.map_into_boxed_body(), &id),
        Ok(Err(error)) => finish(error.error_response(), &id),
        Err(_) => Problem::plain(Code::Internal).response(id.as_str()),
    };
    let mut response = ServiceResponse::new(http, response);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    log(&response, &span);
    Ok(response)
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

fn finish(response: HttpResponse, id: &RequestId) -> HttpResponse {
    if let Some(problem) = response.extensions().get::<Problem>() {
        return problem.response(id.as_str());
    }
    let written = response.headers().contains_key("content-type");
    match framework_problem(response.status()) {
        Some(problem) if !written || is_plain_text(&response) => problem.response(id.as_str()),
        _ => response,
    }
}

fn is_plain_text(response: &HttpResponse) -> bool {
    response
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"))
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

fn log(response: &ServiceResponse, span: &tracing::Span) {
    let _entered = span.enter();
    span.record("http.route", response.request().match_pattern().unwrap_or_default());
    let status = response.status().as_u16();
    if status >= 500 {
        tracing::error!(http.status = status, "request failed");
    } else {
        tracing::debug!(http.status = status, "request answered");
    }
}
