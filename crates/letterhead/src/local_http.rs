//! Requests to a service of ours on this machine: what `health` and `demo` need of HTTP, and no more.
//!
//! HTTP/1.0 over a plain socket, one request a connection, so the answer ends with the connection and is never chunked. The
//! listener never speaks TLS; a client library would bring only start-up time.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// How long connecting, writing and each read may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in octets.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// A request.
pub(crate) struct Call<'a> {
    method: &'static str,
    path: &'a str,
    authorization: Option<String>,
    body: Option<(&'static str, String)>,
}

impl<'a> Call<'a> {
    pub(crate) const fn get(path: &'a str) -> Self {
        Self::of("GET", path)
    }

    pub(crate) const fn of(method: &'static str, path: &'a str) -> Self {
        Self {
            method,
            path,
            authorization: None,
            body: None,
        }
    }

    pub(crate) fn bearer(mut self, token: &str) -> Self {
        self.authorization = Some(format!("Bearer {token}"));
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Some(("application/json", body.to_string()));
        self
    }

    pub(crate) fn form(mut self, body: String) -> Self {
        self.body = Some(("application/x-www-form-urlencoded", body));
        self
    }

    fn head(&self, address: SocketAddr) -> String {
        let authorization = self
            .authorization
            .iter()
            .map(|value| format!("Authorization: {value}\r\n"));
        let body = self
            .body
            .iter()
            .map(|(kind, body)| format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
        let fields: String = authorization.chain(body).collect();
        format!(
            "{} {} HTTP/1.0\r\nHost: {address}\r\n{fields}\r\n",
            self.method, self.path
        )
    }
}

/// An answer.
pub(crate) struct Answer {
    /// The first line.
    pub(crate) status_line: String,
    body: String,
}

impl Answer {
    /// The status code; 0 where the line has none.
    pub(crate) fn status(&self) -> u16 {
        let word = self
            .status_line
            .split(' ')
            .nth(1)
            .filter(|word| word.len() == 3)
            .unwrap_or_default();
        word.parse().unwrap_or_default()
    }

    /// Whether the status is of the class 2xx (RFC 9110 §15.3).
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status())
    }

    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Makes a request and reads the whole answer.
pub(crate) fn call(address: SocketAddr, call: &Call<'_>) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(call.head(address).as_bytes())?;
    if let Some((_, body)) = &call.body {
        stream.write_all(body.as_bytes())?;
    }
    let mut text = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status_line = head.lines().next().filter(|line| line.starts_with("HTTP/1."))?;
    Some(Answer {
        status_line: status_line.trim_end().to_owned(),
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_class_2xx_is_success() {
        let answer = |line: &str| parse(&format!("{line}\r\n\r\n{{}}")).is_some_and(|answer| answer.is_success());
        assert!(answer("HTTP/1.1 200 OK"));
        assert!(answer("HTTP/1.1 204"));
        for other in [
            "HTTP/1.1 503 Service Unavailable",
            "HTTP/1.1 2000",
            "HTTP/1.1",
            "HTTP/1.1  200",
            "SMTP 200",
        ] {
            assert!(!answer(other), "{other:?} counted as success");
        }
    }
}
