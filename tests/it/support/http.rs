//! A caller of the API: a token and what is said with it.

use std::net::SocketAddr;

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    pub(crate) token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The body, where the status is this.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// Asserts a whole problem: status, code, media type and request id; returns its faults as (pointer, code).
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Vec<(String, String)> {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        assert_eq!(body["code"], code, "{}", self.text);
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(!body["title"].as_str().unwrap().is_empty() && !body["type"].as_str().unwrap().is_empty());
        let faults = body["errors"].as_array().cloned().unwrap_or_default();
        let text = |fault: &Value, field: &str| fault[field].as_str().unwrap().to_owned();
        let mut faults: Vec<_> = faults
            .iter()
            .map(|fault| (text(fault, "pointer"), text(fault, "code")))
            .collect();
        faults.sort();
        faults
    }
}

impl Client {
    pub(crate) fn nobody(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self {
            http,
            base: format!("http://{address}"),
            token: None,
        }
    }

    /// A client with a token got by its secret.
    pub(crate) async fn of_client(address: SocketAddr, id: &str, secret: &str) -> Self {
        let nobody = Self::nobody(address);
        let answer = nobody
            .token_request(&[
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_secret", secret),
            ])
            .await;
        let token = answer.expect(200)["access_token"].as_str().unwrap().to_owned();
        nobody.with_token(&token)
    }

    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub(crate) async fn token_request(&self, form: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, "/oauth2/token").form(form)).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            text: answer.text().await.unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A POST with a header more.
    pub(crate) async fn post_with(&self, path: &str, header: (&str, &str), body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).header(header.0, header.1).json(body))
            .await
    }
}
