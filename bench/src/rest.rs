//! A small HTTP/1.1 client over one connection that stays open (RFC 9112): what it costs must not be measured.
//!
//! It understands what Letterhead answers: a status, a `Content-Length`, a body.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use memchr::memmem;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::load::connect;

const BUFFER: usize = 16 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
}

/// An answer; its body stays in the connection until the next call.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

/// A call that is not made often enough to be worth a thought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a str,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        Ok(Self {
            stream: connect(address).await.context("the API does not answer")?,
            input: Vec::with_capacity(BUFFER),
        })
    }

    /// Sends a whole request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.input.clear();
        let head = loop {
            if let Some(end) = memmem::find(&self.input, HEAD_END) {
                break end;
            }
            self.read_more().await?;
        };
        let text = std::str::from_utf8(self.input.get(..head).unwrap_or_default())?;
        let status = status(text).context("the API answers no HTTP")?;
        let body = head + HEAD_END.len()..head + HEAD_END.len() + content_length(text)?;
        while self.input.len() < body.end {
            self.read_more().await?;
        }
        Ok(Answer {
            status,
            body: self.input.get(body).unwrap_or_default(),
        })
    }

    /// Makes a call; an answer other than 2xx is an error.
    pub(crate) async fn call(&mut self, token: Option<&str>, call: Call<'_>) -> Result<Value> {
        let Call {
            method,
            path,
            content_type,
            body,
        } = call;
        let bearer = token
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = self.exchange(request.as_bytes()).await?;
        if !(200..300).contains(&answer.status) {
            bail!(
                "{method} {path} answered {}: {}",
                answer.status,
                String::from_utf8_lossy(answer.body)
            );
        }
        Ok(serde_json::from_slice(answer.body).unwrap_or_default())
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.input).await? == 0 {
            bail!("the API closed the connection");
        }
        Ok(())
    }
}

fn status(head: &str) -> Option<u16> {
    head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

fn content_length(head: &str) -> Result<usize> {
    let values = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = values.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    match lengths.next() {
        Some((_, length)) => Ok(length.trim().parse()?),
        None => bail!("the API answers without Content-Length"),
    }
}
