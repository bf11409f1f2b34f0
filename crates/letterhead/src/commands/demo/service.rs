//! The service under demonstration, called as its clients call it.

use std::net::SocketAddr;

use serde_json::Value;

use super::accounts::Client;
use crate::{
    commands::CommandError,
    local_http::{self, Answer, Call},
};

/// The service, by its address.
pub(super) struct Service {
    pub(super) address: SocketAddr,
}

impl Service {
    /// Makes a call as a client would, without blocking the service that runs in the same process.
    pub(super) async fn call(
        &self,
        method: &'static str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Result<Answer, CommandError> {
        let (address, path, token) = (self.address, path.to_owned(), token.to_owned());
        let made = tokio::task::spawn_blocking(move || {
            let call = Call::of(method, &path).bearer(&token);
            let call = match &body {
                Some(body) => call.json(body),
                None => call,
            };
            local_http::call(address, &call).map_err(|error| format!("{method} {path}: {error}"))
        });
        made.await
            .map_err(|error| CommandError::Failed(error.to_string()))?
            .map_err(CommandError::Failed)
    }

    /// The same, for a call that must succeed.
    pub(super) async fn must(
        &self,
        method: &'static str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Result<serde_json::Value, CommandError> {
        let answer = self.call(method, path, token, body).await?;
        if answer.is_success() {
            return Ok(answer.json());
        }
        Err(CommandError::Failed(format!(
            "{method} {path} answered {}: {}",
            answer.status(),
            answer.json()
        )))
    }

    /// An access token for a client.
    pub(super) async fn token(&self, client: &Client) -> Result<String, CommandError> {
        let form = client.token_request();
        let address = self.address;
        let asked = tokio::task::spawn_blocking(move || {
            local_http::call(address, &Call::of("POST", "/oauth2/token").form(form))
        });
        let answer = asked.await.map_err(|error| CommandError::Failed(error.to_string()))??;
        let token = answer
            .json()
            .get("access_token")
            .and_then(|token| token.as_str())
            .map(str::to_owned);
        token.ok_or_else(|| CommandError::Failed(format!("no access token: {}", answer.json())))
    }
}

/// The entries of a list.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.get("items").and_then(Value::as_array).into_iter().flatten()
}

/// A field of text; empty where it is none.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
