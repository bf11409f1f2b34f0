//! The load generator for Letterhead: requests over connections that stay open, one message each or a batch.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use memchr::memmem;
use tokio::time::sleep;

use crate::{
    load::{Load, Sender, Tickets},
    message::Tag,
    rest::Connection,
};

/// A service that says that it is busy (429, 503) is asked again after this.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// How each accepted message of a batch is answered.
const ACCEPTED: &[u8] = br#""status":202"#;

/// Submits over one connection until there are no more tickets.
pub(crate) async fn work(
    address: SocketAddr,
    senders: Arc<[Sender]>,
    load: Arc<Load>,
    tickets: Arc<Tickets>,
) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    let (mut body, mut request) = (String::new(), String::new());
    while let Some(numbers) = tickets.draw_many(load.batch) {
        // Tenants take turns by request.
        let turn = usize::try_from(numbers.start / load.batch)? % senders.len().max(1);
        let Some(sender) = senders.get(turn) else {
            bail!("nobody to submit as");
        };
        load.turn().await;
        body.clear();
        write_body(&mut body, &load, numbers.clone());
        request.clear();
        write_request(&mut request, sender, path(&load), &body);
        let asked = Instant::now();
        let count = numbers.end - numbers.start;
        submit(&mut connection, request.as_bytes(), count).await?;
        tickets.accepted(count, asked.elapsed());
    }
    Ok(())
}

/// Submits one request until it is accepted.
pub(crate) async fn submit(connection: &mut Connection, request: &[u8], messages: u32) -> Result<()> {
    loop {
        let answer = connection.exchange(request).await?;
        match answer.status {
            202 if messages == 1 => return Ok(()),
            202 if memmem::find_iter(answer.body, ACCEPTED).count() == usize::try_from(messages)? => return Ok(()),
            429 | 503 => sleep(BUSY_PAUSE).await,
            status => bail!(
                "a submission was answered {status}: {}",
                String::from_utf8_lossy(answer.body)
            ),
        }
    }
}

const fn path(load: &Load) -> &'static str {
    if load.batch > 1 { "messages/batch" } else { "messages" }
}

fn write_body(body: &mut String, load: &Load, numbers: std::ops::Range<u32>) {
    let series = load.series;
    let one = |body: &mut String, number| {
        load.letter
            .write_json(body, Tag { series, number }, load.send_at.as_deref());
    };
    if load.batch <= 1 {
        return one(body, numbers.start);
    }
    body.push_str(r#"{"messages":["#);
    for number in numbers.clone() {
        if number != numbers.start {
            body.push(',');
        }
        one(body, number);
    }
    body.push_str("]}");
}

/// A request with a body, as a client of the tenant sends it.
pub(crate) fn write_request(request: &mut String, sender: &Sender, path: &str, body: &str) {
    let Sender { slug, token } = sender;
    // Writing to a String cannot fail.
    let _ = write!(
        request,
        "POST /v1/tenants/{slug}/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
}
