//! The errors as Microsoft writes them: status, `error` or `code`, text.
//!
//! Written down from its documentation and from what its services were seen to answer, and not from the transport's
//! dictionary: the two lists check each other.

use serde_json::json;

use super::script::Said;

/// Which service writes an error, with what only it has.
enum Shape {
    /// Entra, by number and `error`.
    Entra(u32, &'static str),
    /// Graph, by `code`.
    Graph(&'static str),
}

struct Error {
    shape: Shape,
    status: u16,
    text: &'static str,
}

const fn entra(number: u32, error: &'static str, status: u16, text: &'static str) -> Error {
    Error {
        shape: Shape::Entra(number, error),
        status,
        text,
    }
}

const fn graph(code: &'static str, status: u16, text: &'static str) -> Error {
    Error {
        shape: Shape::Graph(code),
        status,
        text,
    }
}

static ERRORS: [Error; 57] = [
    entra(
        50_059,
        "invalid_request",
        400,
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
    ),
    entra(
        50_194,
        "invalid_request",
        400,
        "Application is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps.",
    ),
    entra(
        50_196,
        "invalid_grant",
        400,
        "The server terminated an operation because it encountered a client request loop.",
    ),
    entra(
        53_003,
        "invalid_grant",
        400,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    entra(
        65_001,
        "invalid_grant",
        400,
        "The user or administrator has not consented to use the application.",
    ),
    entra(
        70_003,
        "unsupported_grant_type",
        400,
        "The app requested an unsupported grant type.",
    ),
    entra(
        70_011,
        "invalid_scope",
        400,
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid.",
    ),
    entra(
        90_002,
        "invalid_request",
        400,
        "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
    ),
    entra(
        90_014,
        "invalid_request",
        400,
        "The required field is missing from the credential. Ensure that you have all the necessary parameters for the request.",
    ),
    entra(
        90_033,
        "temporarily_unavailable",
        503,
        "A transient error has occurred. Please try again.",
    ),
    entra(
        90_055,
        "temporarily_unavailable",
        429,
        "TooManyRequests. The request was throttled.",
    ),
    entra(
        500_011,
        "invalid_resource",
        400,
        "The resource principal named was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant.",
    ),
    entra(
        500_014,
        "invalid_resource",
        400,
        "The service principal for resource is disabled.",
    ),
    entra(
        700_016,
        "unauthorized_client",
        400,
        "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
    ),
    entra(
        700_025,
        "invalid_client",
        401,
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    entra(
        900_023,
        "invalid_request",
        400,
        "Specified tenant identifier is neither a valid DNS name, nor a valid external domain.",
    ),
    entra(
        900_144,
        "invalid_request",
        400,
        "The request body must contain the following parameter.",
    ),
    entra(
        900_382,
        "invalid_client",
        401,
        "Confidential Client is not supported in Cross Cloud request.",
    ),
    entra(
        1_002_012,
        "invalid_scope",
        400,
        "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).",
    ),
    entra(7_000_112, "unauthorized_client", 400, "Application is disabled."),
    entra(
        7_000_215,
        "invalid_client",
        401,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app.",
    ),
    entra(
        7_000_216,
        "invalid_client",
        401,
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
    ),
    entra(
        7_000_218,
        "invalid_client",
        401,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    entra(
        7_000_222,
        "invalid_client",
        401,
        "The provided client secret keys for app are expired. Visit the Azure portal to create new keys for your app.",
    ),
    entra(
        7_000_229,
        "invalid_client",
        401,
        "The client application is missing service principal in the tenant.",
    ),
    entra(
        9_002_313,
        "invalid_request",
        400,
        "Invalid request. Request is malformed or invalid.",
    ),
    graph("InvalidAuthenticationToken", 401, "Access token is empty."),
    graph(
        "CompactToken",
        401,
        "CompactToken parsing failed with error code: 80049217",
    ),
    graph(
        "ErrorAccessDenied",
        403,
        "Access is denied. Check credentials and try again.",
    ),
    graph(
        "Authorization_RequestDenied",
        403,
        "Insufficient privileges to complete the operation.",
    ),
    graph(
        "Authorization_IdentityNotFound",
        401,
        "The identity of the calling application could not be established.",
    ),
    graph(
        "ErrorSendAsDenied",
        403,
        "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message.",
    ),
    graph(
        "ErrorMessageSubmissionBlocked",
        403,
        "Cannot send mail. Follow the instructions in your Inbox to verify your account., Message submission blocked.",
    ),
    graph(
        "ErrorAccountSuspend",
        403,
        "Account suspended. Follow the instructions in your Inbox to verify your account.",
    ),
    graph(
        "ErrorExceededMessageLimit",
        403,
        "Cannot send mail. The mailbox has reached the daily message limit., Message limit exceeded.",
    ),
    graph("ErrorQuotaExceeded", 507, "The mailbox has exceeded its quota."),
    graph("ErrorInvalidUser", 404, "The requested user is invalid."),
    graph(
        "ErrorNonExistentMailbox",
        404,
        "The SMTP address has no mailbox associated with it.",
    ),
    graph("ResourceNotFound", 404, "Resource could not be discovered."),
    graph(
        "MailboxNotEnabledForRESTAPI",
        404,
        "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    ),
    graph(
        "OrganizationFromTenantGuidNotFound",
        401,
        "The tenant for tenant guid does not exist.",
    ),
    graph(
        "ErrorInvalidRecipients",
        400,
        "At least one recipient is not valid., A message can't be sent because it contains no recipients.",
    ),
    graph(
        "ErrorMimeContentInvalidBase64String",
        400,
        "Invalid base64 string for MIME content.",
    ),
    graph("ErrorMimeContentInvalid", 400, "The MIME content is invalid."),
    graph(
        "RequestBodyRead",
        400,
        "The property does not exist on type 'microsoft.graph.message'.",
    ),
    graph(
        "BadRequest",
        400,
        "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
    ),
    graph(
        "ErrorMessageSizeExceeded",
        413,
        "The message exceeds the maximum supported size., Cannot submit message.",
    ),
    graph("RequestEntityTooLarge", 413, "The request body is too large."),
    graph(
        "ApplicationThrottled",
        429,
        "Application is over its MailboxConcurrency limit.",
    ),
    graph("TooManyRequests", 429, "Too many requests."),
    graph(
        "ErrorServerBusy",
        503,
        "The server cannot service this request right now. Try again later.",
    ),
    graph(
        "ErrorMailboxStoreUnavailable",
        503,
        "The mailbox database is temporarily unavailable.",
    ),
    graph(
        "ErrorMailboxMoveInProgress",
        503,
        "Mailbox move in progress. Try again later.",
    ),
    graph(
        "ErrorInternalServerError",
        500,
        "An internal server error occurred. The operation failed.",
    ),
    graph(
        "ErrorInternalServerTransientError",
        500,
        "An internal server error occurred. Try again later.",
    ),
    graph("ErrorTimeoutExpired", 504, "The request did not complete in time."),
    graph("UnknownError", 502, ""),
];

/// There is no such error in the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no error is documented as {0}")]
pub struct NotDocumented(pub String);

/// An error by its name: Graph's `code`, or Entra's number behind `AADSTS`.
///
/// # Errors
/// [`NotDocumented`].
pub fn documented(name: &str) -> Result<Said, NotDocumented> {
    let found = ERRORS.iter().find(|error| match error.shape {
        Shape::Entra(number, _) => name.strip_prefix("AADSTS") == Some(number.to_string().as_str()),
        Shape::Graph(code) => code == name,
    });
    let error = found.ok_or_else(|| NotDocumented(name.to_owned()))?;
    Ok(Said::status(error.status)
        .with("content-type", "application/json; charset=utf-8")
        .body(&match error.shape {
            Shape::Entra(number, word) => of_entra(number, word, error.text),
            Shape::Graph(code) => of_graph(code, error.text),
        }))
}

const TRACE: &str = "6ee9ec92-6726-422a-85ce-86a1a6502800";
const CORRELATION: &str = "521b9148-40bc-455a-ace1-c13802e053eb";
const STAMP: &str = "2026-11-25 12:00:00Z";

fn of_entra(number: u32, error: &str, text: &str) -> String {
    let description =
        format!("AADSTS{number}: {text} Trace ID: {TRACE} Correlation ID: {CORRELATION} Timestamp: {STAMP}");
    json!({
        "error": error,
        "error_description": description,
        "error_codes": [number],
        "timestamp": STAMP,
        "trace_id": TRACE,
        "correlation_id": CORRELATION,
        "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
    })
    .to_string()
}

fn of_graph(code: &str, message: &str) -> String {
    let inner = json!({ "date": "2026-11-25T12:00:00", "request-id": TRACE, "client-request-id": CORRELATION });
    json!({ "error": { "code": code, "message": message, "innerError": inner } }).to_string()
}
