//! Asking Entra for a token (RFC 6749 §4.4: client credentials).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    connection::O365,
    secret::{ExposeSecret, SecretText, secret_text},
};
use reqwest::{
    Method, Request,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;
use tokio::time::Instant;
use url::form_urlencoded;
use zeroize::Zeroize;

use super::{Endpoints, fault::Fault, refusal::Refusal, steps::Roles};
use crate::gate::http::{Client, HttpError};

/// Octets of Entra's answer at most; a token has a few thousand.
const MAX_ANSWER: usize = 64 * 1024;
/// A token is not used any more so long before its end: a request may wait that long on its way.
const MARGIN: Duration = Duration::from_mins(5);
/// The longest life that is believed.
const LONGEST_LIFE: u64 = 24 * 60 * 60;

/// A token, and what is known of it.
#[derive(Clone)]
pub(super) struct Token {
    /// What goes behind `Bearer`.
    pub(super) text: SecretText,
    /// What it may be used for, as far as it says so.
    pub(super) roles: Roles,
    /// When to stop using it.
    pub(super) good_until: Instant,
    /// Seconds it was given for.
    pub(super) life: u64,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// Where and as whom a token is asked for, for eyes that may not see the secret.
pub(super) fn described(endpoints: &Endpoints, via: &O365) -> String {
    let asked = endpoints.token(via.cloud, &via.application.directory);
    let url = asked.map(String::from).unwrap_or_default();
    let scope = endpoints.scope(via.cloud).unwrap_or_default();
    let client_id = via.application.client_id;
    format!("POST {url} grant_type=client_credentials client_id={client_id} client_secret=… scope={scope}")
}

/// Asks for a token, `within` one time-out.
pub(super) async fn ask(client: &Client, endpoints: &Endpoints, via: &O365, within: Duration) -> Result<Token, Fault> {
    let secret = via.application.client_secret.expose_secret();
    if secret.is_empty() {
        return Err(Fault::SecretIncomplete);
    }
    let asked_at = Instant::now();
    let request = request(endpoints, via)?;
    let answer = client.ask(request, within, MAX_ANSWER).await.map_err(Fault::NoAnswer)?;
    if answer.status != 200 {
        return Err(Fault::Refused(Refusal::of(&answer, &[secret])));
    }
    let mut body: Value =
        serde_json::from_slice(&answer.body).map_err(|_| Fault::Garbled("the token's answer is not JSON"))?;
    let token = read(&body, asked_at);
    if let Some(Value::String(text)) = body.get_mut("access_token") {
        text.zeroize();
    }
    token
}

fn request(endpoints: &Endpoints, via: &O365) -> Result<Request, Fault> {
    let no_address = |_| Fault::NoAnswer(HttpError::Address);
    let url = endpoints
        .token(via.cloud, &via.application.directory)
        .map_err(no_address)?;
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &via.application.client_id.to_string())
        .append_pair("client_secret", via.application.client_secret.expose_secret())
        .append_pair("scope", &endpoints.scope(via.cloud).map_err(no_address)?)
        .finish();
    let mut request = Request::new(Method::POST, url);
    let headers = request.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    *request.body_mut() = Some(body.into());
    Ok(request)
}

fn read(body: &Value, asked_at: Instant) -> Result<Token, Fault> {
    let text = body.get("access_token").and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(Fault::Garbled("there is no token in it"));
    }
    let bearer = body.get("token_type").and_then(Value::as_str).unwrap_or_default();
    if !bearer.eq_ignore_ascii_case("bearer") {
        return Err(Fault::Garbled("the token is of no known type"));
    }
    let life = body
        .get("expires_in")
        .and_then(seconds)
        .unwrap_or_default()
        .min(LONGEST_LIFE);
    Ok(Token {
        roles: roles(text),
        text: secret_text(text),
        good_until: asked_at + Duration::from_secs(life).saturating_sub(MARGIN),
        life,
    })
}

/// A number, or a number in quotes as older endpoints write it.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The `roles` of a token. Nothing is verified: it is not ours to judge, and only a hint is made of it.
fn roles(token: &str) -> Roles {
    let claims = token.split('.').nth(1).and_then(|part| {
        let json = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
        serde_json::from_slice::<Value>(&json).ok()
    });
    match claims {
        Some(Value::Object(claims)) => Roles::Listed(
            claims
                .get("roles")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|role| role.as_str().map(str::to_owned))
                .collect(),
        ),
        _ => Roles::Unreadable,
    }
}

#[cfg(test)]
mod tests;
