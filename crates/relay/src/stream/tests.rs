//! A server that speaks unasked, and a dot that waits, against a real socket.

use std::{future::poll_fn, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpListener, time::timeout};

use super::*;

/// Both ends of a stream, and the server's socket.
async fn connected() -> (SmtpStream, Tap, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (stream, tap) = clear(client.unwrap());
    (stream, tap, server.unwrap().0)
}

/// Lets the server say something and waits until it is here, unread.
async fn hear(tap: &Tap, server: &mut TcpStream, said: &[u8]) {
    server.write_all(said).await.unwrap();
    poll_fn(|cx| match &lock(&tap.0).channel {
        Channel::Clear(stream) => stream.poll_read_ready(cx),
        Channel::Tls(_) | Channel::Lent => Poll::Pending,
    })
    .await
    .unwrap();
}

/// Whether the final dot goes out if it is tried now.
async fn dot_goes_out(stream: &mut SmtpStream) -> bool {
    let written = timeout(Duration::from_millis(20), stream.write_all(b"\r\n.\r\n")).await;
    matches!(written, Ok(Ok(())))
}

#[tokio::test]
async fn what_a_server_says_unasked_is_never_taken_for_an_answer() {
    let (mut stream, tap, mut server) = connected().await;
    hear(&tap, &mut server, b"250 2.0.0 stray\r\n").await;

    tap.begin_turn().unwrap();
    stream.write_all(b"MAIL FROM:<a@b.example>\r\n").await.unwrap_err();

    let Some(StreamFault::OutOfTurn(Some(reply))) = tap.take_fault() else {
        panic!("the stray reply was not noticed")
    };
    assert_eq!(reply.code, 250);
    assert_eq!(tap.take_reply(), None);
}

#[tokio::test]
async fn a_server_that_speaks_during_the_text_gets_no_dot() {
    let (mut stream, tap, mut server) = connected().await;
    tap.arm_fence();
    stream.write_all(b"text").await.unwrap();
    hear(&tap, &mut server, b"250 2.0.0 taken\r\n").await;

    assert!(!dot_goes_out(&mut stream).await);

    assert!(!tap.is_at_fence());
    assert!(matches!(tap.take_fault(), Some(StreamFault::OutOfTurn(_))));
}

#[tokio::test]
async fn a_dot_waits_until_it_is_allowed() {
    let (mut stream, tap, _server) = connected().await;
    tap.arm_fence();
    assert!(!dot_goes_out(&mut stream).await);
    assert!(tap.is_at_fence());

    tap.open_fence(Instant::now() + Duration::from_secs(5));
    assert!(dot_goes_out(&mut stream).await);
    assert!(tap.is_dot_out());
}

#[tokio::test]
async fn a_dot_that_was_not_allowed_or_is_too_late_or_comes_twice_is_not_written() {
    let (mut stream, tap, _server) = connected().await;
    assert!(!dot_goes_out(&mut stream).await);

    tap.arm_fence();
    tap.shut_fence();
    assert!(!dot_goes_out(&mut stream).await);

    tap.open_fence(Instant::now());
    assert!(!dot_goes_out(&mut stream).await);
    assert!(!tap.is_dot_out());

    tap.open_fence(Instant::now() + Duration::from_secs(5));
    assert!(dot_goes_out(&mut stream).await);
    assert!(!dot_goes_out(&mut stream).await);
}
