//! Errors as clients see them: RFC 9457 problems. The only place where a status code is chosen.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use domain::{access::Denied, fault::Fault};
use serde::Serialize;
use storage::StoreError;
use utoipa::ToSchema;

/// What a client branches on; fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body is not JSON.
    InvalidJson,
    /// No token, or none that counts.
    Unauthenticated,
    /// The role is too small.
    Forbidden,
    /// The provider manages this for Cloud tenants.
    ProviderManaged,
    /// The provider keeps the tenant from sending.
    TenantSuspended,
    /// It does not exist for this caller.
    NotFound,
    /// The path is served, but not with this method.
    MethodNotAllowed,
    /// The state of the resource forbids it.
    Conflict,
    /// The tenant has no way to send yet.
    EmailNotConfigured,
    /// No test email covers a change that could lock people out.
    UntestedSettings,
    /// Somebody else changed it.
    PreconditionFailed,
    /// The body is larger than this operation takes.
    PayloadTooLarge,
    /// The body has another media type or encoding.
    UnsupportedMediaType,
    /// The values are wrong; `errors` says which.
    ValidationFailed,
    /// The idempotency key was used with another body.
    IdempotencyKeyReused,
    /// More in a short time than may be.
    RateLimited,
    /// More than may be: wait, or ask the provider for more.
    QuotaExceeded,
    /// A fault of the service.
    Internal,
    /// Try again.
    Unavailable,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 19] = [
        Self::InvalidJson,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::ProviderManaged,
        Self::TenantSuspended,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::EmailNotConfigured,
        Self::UntestedSettings,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ValidationFailed,
        Self::IdempotencyKeyReused,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The code, its status and its title.
    const fn spelled(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::InvalidJson => ("invalid_json", 400, "The body is not valid JSON"),
            Self::Unauthenticated => ("unauthenticated", 401, "A valid access token is needed"),
            Self::Forbidden => ("forbidden", 403, "Your role does not allow this"),
            Self::ProviderManaged => ("provider_managed", 403, "The provider manages this for Cloud tenants"),
            Self::TenantSuspended => ("tenant_suspended", 403, "The provider has suspended this tenant"),
            Self::NotFound => ("not_found", 404, "There is nothing here"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "The method is not served here"),
            Self::Conflict => ("conflict", 409, "The state of the resource does not allow this"),
            Self::EmailNotConfigured => ("email_not_configured", 409, "Email is not configured yet"),
            Self::UntestedSettings => ("untested_settings", 409, "No test email has passed with these settings"),
            Self::PreconditionFailed => ("precondition_failed", 412, "The resource has changed"),
            Self::PayloadTooLarge => ("payload_too_large", 413, "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported_media_type", 415, "The media type is not supported"),
            Self::ValidationFailed => ("validation_failed", 422, "Some values are wrong"),
            Self::IdempotencyKeyReused => (
                "idempotency_key_reused",
                422,
                "The idempotency key was used with another body",
            ),
            Self::RateLimited => ("rate_limited", 429, "Too much in a short time"),
            Self::QuotaExceeded => ("quota_exceeded", 429, "The tenant's limit is reached"),
            Self::Internal => ("internal", 500, "Something went wrong here"),
            Self::Unavailable => ("unavailable", 503, "The service cannot do this right now"),
        }
    }

    /// The code as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.spelled().0
    }

    /// Its HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.spelled().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// An answer that is not what was asked for.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    faults: Vec<Fault>,
    retry_after: Option<u32>,
    allow: Option<String>,
}

/// A problem as it is written (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Which problem: a reference to its description.
    #[serde(rename = "type")]
    #[schema(example = "/problems/validation_failed")]
    type_: String,
    /// What it is, in a few words.
    #[schema(example = "Some values are wrong")]
    title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    status: u16,
    /// What happened this time, for people.
    #[schema(example = "Some values are wrong; see errors.")]
    detail: String,
    /// What programs branch on.
    #[schema(example = "validation_failed")]
    code: String,
    /// The id of this request, also in the `X-Request-Id` header and on every log line of it.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    request_id: String,
    /// Every fault of the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FaultBody>,
}

/// One fault of a body.
#[derive(Serialize, ToSchema)]
#[schema(as = Fault)]
pub struct FaultBody {
    /// Where, as a JSON pointer (RFC 6901).
    #[schema(example = "/from_email_address")]
    pointer: String,
    /// What kind of fault.
    #[schema(example = "invalid")]
    code: String,
    /// One sentence for people.
    #[schema(example = "An address looks like name@example.com.")]
    detail: String,
}

impl Problem {
    /// A problem with a sentence of its own.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            faults: Vec::new(),
            retry_after: None,
            allow: None,
        }
    }

    /// A problem whose title says it all.
    #[must_use]
    pub fn plain(code: Code) -> Self {
        Self::new(code, format!("{}.", code.spelled().2))
    }

    /// Wrong values.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        Self {
            faults,
            ..Self::new(Code::ValidationFailed, "Some values are wrong; see errors.")
        }
    }

    /// The same, with faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self
    }

    /// The same, of a body that is a part of another: its faults are below `prefix`.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        self.faults = self.faults.into_iter().map(|fault| fault.at(prefix)).collect();
        self
    }

    /// The same, with when to come back: whole seconds, rounded up (RFC 9110 §10.2.3).
    #[must_use]
    pub fn after(mut self, wait: std::time::Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        self.retry_after = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
        self
    }

    /// A method that is not served, with those that are.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        Self {
            allow: Some(allow),
            ..Self::plain(Code::MethodNotAllowed)
        }
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Its faults.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The problem as it is written in the answer to a request.
    #[must_use]
    pub fn body(&self, request_id: &str) -> ProblemBody {
        let (code, status, title) = self.code.spelled();
        let errors = self.faults.iter().map(|fault| FaultBody {
            pointer: fault.pointer.clone(),
            code: fault.code.as_str().to_owned(),
            detail: fault.detail.clone(),
        });
        ProblemBody {
            type_: format!("/problems/{code}"),
            title: title.to_owned(),
            status,
            detail: self.detail.clone(),
            code: code.to_owned(),
            request_id: request_id.to_owned(),
            errors: errors.collect(),
        }
    }

    /// The whole answer.
    #[must_use]
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.content_type("application/problem+json");
        if self.code == Code::Unauthenticated {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        if matches!(self.code, Code::Unavailable | Code::RateLimited | Code::QuotaExceeded) {
            response.insert_header(("Retry-After", self.retry_after.unwrap_or(1).to_string()));
        }
        if let Some(allow) = &self.allow {
            response.insert_header(("Allow", allow.as_str()));
        }
        response.body(serde_json::to_vec(&self.body(request_id)).unwrap_or_default())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    /// Marks the answer; the envelope, which knows the request's id, writes it.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.code.status());
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotFound => Self::plain(Code::NotFound),
            Denied::Forbidden => Self::plain(Code::Forbidden),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::new(Code::NotFound, format!("There is no such {what}.")),
            StoreError::Conflict(detail) => Self::new(Code::Conflict, detail),
            StoreError::VersionMismatch { current } => Self::new(
                Code::PreconditionFailed,
                format!("The resource has version {current} now; read it again."),
            ),
            StoreError::KeyReused => Self::plain(Code::IdempotencyKeyReused),
            StoreError::RateLimited { retry_after } => Self::new(
                Code::RateLimited,
                "The tenant submits more messages a minute than it may; try again later.",
            )
            .after(retry_after),
            StoreError::QuotaExceeded { limit, retry_after } => Self::new(
                Code::QuotaExceeded,
                format!("The tenant has reached its limit {limit}; try again later, or ask the provider for more."),
            )
            .after(retry_after),
            StoreError::Busy => Self::new(Code::Unavailable, "More work is waiting than can be taken; try again."),
            StoreError::Unavailable(source) => {
                tracing::error!(error = &source as &dyn std::error::Error, "the database is unavailable");
                Self::new(Code::Unavailable, "The database is unavailable; try again.")
            }
            StoreError::WrongMasterKey => {
                tracing::error!("the database has a newer master key than this process; give it that and restart it");
                Self::new(Code::Unavailable, "A key of the service is being replaced; try again.")
            }
            StoreError::Unsafe(_)
            | StoreError::SchemaTooNew(_)
            | StoreError::SchemaTooOld(_)
            | StoreError::InUse(_)
            | StoreError::Tampered(_)
            | StoreError::Corrupt(_)
            | StoreError::Io { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "the store cannot be read");
                Self::plain(Code::Internal)
            }
        }
    }
}
