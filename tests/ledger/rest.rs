//! The API as the harness calls it: one operator, who is patient while processes die.

use std::{net::SocketAddr, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{json::text, trouble::Fallible};

/// An answer may take this long before the request is made again: a request that hangs is as lost as one that failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The first operator.
pub(crate) const OPERATOR: (&str, &str) = ("ops", "ledger-operator-secret");

/// A caller.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: bool,
    pub(crate) body: Value,
}

impl Rest {
    /// A caller without a token.
    pub(crate) fn at(address: SocketAddr) -> Fallible<Self> {
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            base: format!("http://{address}"),
            token: String::new(),
        })
    }

    /// The operator, by the secret that every process is started with.
    pub(crate) async fn operator(address: SocketAddr) -> Fallible<Self> {
        let mut rest = Self::at(address)?;
        let url = format!("{}/oauth2/token", rest.base);
        let request = rest.http.post(url).basic_auth(OPERATOR.0, Some(OPERATOR.1));
        let answer = request.form(&[("grant_type", "client_credentials")]).send().await?;
        let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
        rest.token = text(&body, "/access_token")?;
        Ok(rest)
    }

    /// One request, made once.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Fallible<Answer> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let whole = async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
        };
        let (status, headers, bytes) = timeout(ANSWER_WITHIN, whole).await??;
        Ok(Answer {
            status,
            retry_after: headers.contains_key("retry-after"),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        })
    }

    /// A request repeated until it is answered by something else than "not now".
    pub(crate) async fn insist(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        until: Instant,
    ) -> Fallible<Answer> {
        loop {
            match self.call(method.clone(), path, None, body).await {
                Ok(answer) if !is_not_now(answer.status) => return Ok(answer),
                other if Instant::now() > until => {
                    return Err(format!(
                        "{method} {path} is not answered: {:?}",
                        other.map(|answer| answer.status)
                    )
                    .into());
                }
                _ => sleep(PAUSE * 5).await,
            }
        }
    }

    /// Something of the service's, which must be there.
    pub(crate) async fn get(&self, path: &str, until: Instant) -> Fallible<Value> {
        let answer = self.insist(Method::GET, path, None, until).await?;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(format!("GET {path}: {} {}", answer.status, answer.body).into())
        }
    }

    /// Makes something.
    pub(crate) async fn create(&self, path: &str, body: Value) -> Fallible<()> {
        let until = Instant::now() + ANSWER_WITHIN;
        let answer = self.insist(Method::POST, path, Some(&body), until).await?;
        if answer.status == 201 {
            Ok(())
        } else {
            Err(format!("POST {path}: {} {}", answer.status, answer.body).into())
        }
    }

    /// The tenants and the way out, in an empty store.
    pub(crate) async fn furnish(&self, tenants: usize, sink: u16) -> Fallible<()> {
        for tenant in 0..tenants {
            let new = json!({ "slug": slug(tenant), "name": format!("Tenant {tenant}"), "edition": "cloud" });
            self.create("/v1/tenants", new).await?;
        }
        let route = json!({ "name": "sink", "email_server": "127.0.0.1", "port": sink, "security": "none", "max_connections": 50 });
        self.create("/v1/relay/routes", route).await
    }
}

/// The path segment of a tenant.
pub(crate) fn slug(tenant: usize) -> String {
    format!("tenant-{tenant}")
}

/// Whether an answer says no more than to come back: 409 is a key in flight on another node.
pub(crate) const fn is_not_now(status: u16) -> bool {
    matches!(status, 429 | 500..=599)
}
