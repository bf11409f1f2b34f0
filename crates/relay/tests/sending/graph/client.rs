//! The guarded HTTP client through its public face: nobody is followed, nothing forbidden is reached, everything ends.

use std::time::Duration;

use relay::{
    gate::{
        Gate, GateError,
        http::{Clear, Client, HttpError},
    },
    graph_emulator::{At, Play, Said, Script},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};
use url::Url;

use super::world::{settings, world};
use crate::sample::{PATIENCE, loopback_gate};

fn client(gate: Gate, clear: Clear) -> Client {
    Client::new(gate, clear, PATIENCE)
}

/// A server that says this to everybody, and how often it was called.
async fn server(answer: &'static [u8]) -> (Url, tokio::sync::watch::Receiver<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/keys", listener.local_addr().unwrap())).unwrap();
    let (calls, called) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            calls.send_modify(|calls| *calls += 1);
            let mut asked = [0; 2048];
            if stream.read(&mut asked).await.is_ok_and(|octets| octets > 0) {
                drop(stream.write_all(answer).await);
            }
        }
    });
    (url, called)
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test]
async fn an_answer_of_the_allowed_length_is_read_whole() {
    let (url, _) = server(OK).await;
    let answer = client(loopback_gate(), Clear::Allowed)
        .get(url, PATIENCE, 2)
        .await
        .unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"{}".as_slice()));
}

#[tokio::test]
async fn loopback_is_blocked_by_address_and_by_name_before_anybody_is_called() {
    let (url, called) = server(OK).await;
    let port = url.port().unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
        let got = client(Gate::default(), Clear::Allowed).get(url, PATIENCE, 100).await;
        assert_eq!(got.unwrap_err(), HttpError::Gate(GateError::Blocked), "{host}");
    }
    assert_eq!(*called.borrow(), 0);
}

#[tokio::test]
async fn what_is_not_encrypted_is_asked_only_where_an_operator_said_so() {
    let (url, called) = server(OK).await;
    let got = client(loopback_gate(), Clear::Refused).get(url, PATIENCE, 100).await;
    assert_eq!(got.unwrap_err(), HttpError::Address);
    assert_eq!(*called.borrow(), 0);
}

#[tokio::test]
async fn an_answer_that_is_too_long_or_none_ends_the_request() {
    let (url, _) =
        server(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\naaaaaaaa\r\n8\r\nbbbbbbbb\r\n").await;
    let got = client(loopback_gate(), Clear::Allowed).get(url, PATIENCE, 10).await;
    assert_eq!(got.unwrap_err(), HttpError::TooLong);

    let (url, _) = server(b"220 mx ESMTP\r\n").await;
    let got = client(loopback_gate(), Clear::Allowed).get(url, PATIENCE, 10).await;
    assert_eq!(got.unwrap_err(), HttpError::NotHttp);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let soon = Duration::from_millis(50);
    let got = client(loopback_gate(), Clear::Allowed).get(silent, soon, 10).await;
    assert_eq!(got.unwrap_err(), HttpError::TimedOut);
}

#[tokio::test]
async fn a_redirection_is_an_answer_and_nobody_goes_there() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = format!("http://{}/", canary.local_addr().unwrap());
    for at in [At::Token, At::Send] {
        let world = world().await;
        for status in [301, 302, 303, 307, 308] {
            let moved = Play::Say(Said::status(status).with("location", &there));
            world.emulator.play(Script::new().always_at(at, moved));
            let (outcome, _) = world.notify(&settings()).await;
            assert!(
                matches!(outcome, domain::outbox::Outcome::Held { .. }),
                "{status}: {outcome:?}"
            );
        }
    }
    assert!(timeout(Duration::from_millis(50), canary.accept()).await.is_err());
}
