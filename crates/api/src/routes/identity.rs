//! Tokens and what verifies them. Errors of the token endpoint are OAuth's own (RFC 6749 §5.2), not problems.

use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    access::Role,
    secret::{SecretText, secret_text},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    Api,
    access::Caller,
    body::Body,
    problem::{Code, Problem},
};

/// Octets of a token request at most.
const MAX_FORM: usize = 8 * 1024;

/// A token request (RFC 6749 §4.4.2). The client may also name itself by HTTP Basic.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form for the document; it is read by hand, since OAuth's errors are its own"
)]
pub(crate) struct TokenForm {
    /// Always `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// The client's id, unless given by HTTP Basic.
    #[schema(example = "lht_AZilxV1ecACAADxNXm96iwGYpcVdXnAAgAA8TV5veos")]
    client_id: Option<String>,
    /// The client's secret, unless given by HTTP Basic.
    #[schema(example = "lhs_0000000000000000000000000000000000000000000")]
    client_secret: Option<String>,
    /// Roles to have, separated by blanks; absent is all the client has.
    #[schema(example = "sender")]
    scope: Option<String>,
}

/// An access token.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenAnswer {
    /// The token, a JWT.
    #[schema(example = "eyJhbGciOiJFUzI1NiIs…")]
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it ends.
    #[schema(example = 900)]
    expires_in: u64,
    /// The roles it carries.
    #[schema(example = "sender")]
    scope: String,
}

/// A refused token request (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
pub(crate) struct OAuthError {
    /// `invalid_request`, `invalid_client`, `unsupported_grant_type` or `invalid_scope`.
    #[schema(example = "invalid_client")]
    error: &'static str,
    /// One sentence for people.
    #[schema(example = "The client is unknown or its secret is wrong.")]
    error_description: &'static str,
}

/// Why a token request is refused.
enum Refused {
    Request(&'static str),
    Client,
    GrantType,
    Scope,
    Problem(Problem),
}

/// Get an access token for an API client.
#[utoipa::path(operation_id = "tokens.create", tag = "Identity", request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "A token", body = TokenAnswer), (status = 400, description = "The request is wrong", body = OAuthError), (status = 401, description = "The client is unknown or its secret is wrong", body = OAuthError)))]
#[post("/oauth2/token")]
pub(crate) async fn token(api: web::Data<Api>, request: HttpRequest, body: Body) -> Result<HttpResponse, Problem> {
    match issue(&api, &request, body).await {
        Ok(answer) => Ok(no_store(HttpResponse::Ok()).json(answer)),
        Err(Refused::Problem(problem)) => Err(problem),
        Err(Refused::Client) => Ok(no_store(HttpResponse::Unauthorized())
            .insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"letterhead\""))
            .json(OAuthError {
                error: "invalid_client",
                error_description: "The client is unknown or its secret is wrong.",
            })),
        Err(Refused::Request(error_description)) => Ok(refused("invalid_request", error_description)),
        Err(Refused::GrantType) => Ok(refused("unsupported_grant_type", "Only client_credentials is served.")),
        Err(Refused::Scope) => Ok(refused("invalid_scope", "The client does not have such a role.")),
    }
}

fn refused(error: &'static str, error_description: &'static str) -> HttpResponse {
    no_store(HttpResponse::BadRequest()).json(OAuthError {
        error,
        error_description,
    })
}

/// Tokens are never cached (RFC 6749 §5.1).
fn no_store(mut response: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

async fn issue(api: &Api, request: &HttpRequest, body: Body) -> Result<TokenAnswer, Refused> {
    let form = body
        .bytes("application/x-www-form-urlencoded", MAX_FORM)
        .await
        .map_err(|problem| {
            if problem.code() == Code::UnsupportedMediaType {
                Refused::Request("The body must be application/x-www-form-urlencoded.")
            } else {
                Refused::Problem(problem)
            }
        })?;
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&form).into_owned().collect();
    if field(&form, "grant_type")?.ok_or(Refused::Request("grant_type is missing."))? != "client_credentials" {
        return Err(Refused::GrantType);
    }
    let (client_id, secret) = credentials(request, &form)?;
    let known = api
        .store
        .authenticate(&client_id, &secret)
        .await
        .map_err(|error| Refused::Problem(error.into()))?;
    let mut client = known.ok_or(Refused::Client)?;
    if let Some(scope) = field(&form, "scope")? {
        client.roles = wanted_roles(&scope, &client.roles)?;
    }
    let issued = api
        .tokens
        .issue_for(&client, &api.clock, &*api.ids)
        .map_err(Refused::Problem)?;
    Ok(TokenAnswer {
        access_token: issued.token,
        token_type: "Bearer",
        expires_in: issued.expires_in,
        scope: client
            .roles
            .iter()
            .map(|role| role.as_str())
            .collect::<Vec<_>>()
            .join(" "),
    })
}

/// A parameter, which must not be there twice (RFC 6749 §3.2).
fn field(form: &[(String, String)], name: &str) -> Result<Option<String>, Refused> {
    let mut values = form
        .iter()
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.clone());
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Refused::Request("A parameter is there twice.")),
        (value, None) => Ok(value.filter(|value| !value.is_empty())),
    }
}

/// Id and secret, by HTTP Basic or in the form; not both (RFC 6749 §2.3).
fn credentials(request: &HttpRequest, form: &[(String, String)]) -> Result<(String, SecretText), Refused> {
    let in_form = field(form, "client_id")?.zip(field(form, "client_secret")?);
    match (request.headers().get(header::AUTHORIZATION), in_form) {
        (Some(_), Some(_)) => Err(Refused::Request("The client names itself twice.")),
        (Some(value), None) => basic(value.to_str().unwrap_or_default()).ok_or(Refused::Client),
        (None, Some((id, secret))) => Ok((id, secret_text(secret))),
        (None, None) => Err(Refused::Client),
    }
}

/// HTTP Basic with form-encoded parts (RFC 6749 §2.3.1).
fn basic(value: &str) -> Option<(String, SecretText)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id)?, secret_text(form_decoded(secret)?)))
}

fn form_decoded(text: &str) -> Option<String> {
    // One value without "=" is read as a name.
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
}

fn wanted_roles(scope: &str, held: &[Role]) -> Result<Vec<Role>, Refused> {
    scope
        .split_ascii_whitespace()
        .map(|role| {
            role.parse()
                .ok()
                .filter(|role| held.contains(role))
                .ok_or(Refused::Scope)
        })
        .collect()
}

/// The public keys that verify access tokens (RFC 7517).
#[utoipa::path(operation_id = "jwks.read", tag = "Identity", responses((status = 200, description = "A JWK set", body = Object, example = json!({"keys": []}))))]
#[get("/.well-known/jwks.json")]
pub(crate) async fn jwks(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .json(api.tokens.jwks())
}

/// The authorization server's metadata (RFC 8414).
#[utoipa::path(operation_id = "metadata.read", tag = "Identity", responses((status = 200, description = "The metadata", body = Object, example = json!({"issuer": "https://mail.example.com"}))))]
#[get("/.well-known/oauth-authorization-server")]
pub(crate) async fn metadata(api: web::Data<Api>) -> web::Json<Value> {
    let issuer = api.tokens.issuer();
    web::Json(json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/oauth2/token"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": Role::ALL.map(Role::as_str),
    }))
}

/// Whose token it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    /// The client.
    #[schema(example = "ops")]
    subject: String,
    /// What it may do.
    #[schema(example = json!(["operator"]))]
    roles: Vec<String>,
    /// Whose it is; null is the provider's.
    #[schema(example = "0198a5c5-5d5e-7000-8000-3c4d5e6f7a8b")]
    tenant: Option<String>,
}

/// Tell the caller who it is.
#[utoipa::path(operation_id = "me.read", tag = "Identity", responses((status = 200, description = "The caller", body = Me)))]
#[get("/v1/me")]
pub(crate) async fn me(caller: Caller) -> web::Json<Me> {
    let principal = caller.principal;
    web::Json(Me {
        subject: principal.subject().to_owned(),
        roles: principal.roles().iter().map(|role| role.as_str().to_owned()).collect(),
        tenant: principal.tenant().map(|tenant| tenant.to_string()),
    })
}
