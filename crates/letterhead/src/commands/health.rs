//! `letterhead health`: asks a running service on this machine whether it is ready; for containers and scripts.
//!
//! One GET in HTTP/1.0 over a plain socket. The listener is our own and never speaks TLS, and only the status line is
//! wanted, so a client library would bring nothing but start-up time to a command that runs every few seconds.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use clap::Args;

use super::CommandError;
use crate::{
    config::{Config, dialable},
    terminal::Terminal,
};

/// How long connecting, writing and each read may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest status line that is read, in octets.
const MAX_STATUS_LINE: u64 = 512;

/// Asks the service on this machine whether it is ready, prints the answer's status line
///
/// Exits with 0 where it is ready and with 1 where it is not or does not answer.
#[derive(Debug, Args)]
pub struct Options {
    /// Ask the internal listener, which alone answers for `serve --only relay`
    #[arg(long)]
    internal: bool,
}

pub(super) fn run(options: &Options, config: &Config, terminal: &mut Terminal) -> Result<(), CommandError> {
    let listener = if options.internal {
        config.internal_listen
    } else {
        config.listen
    };
    let address = dialable(listener);
    let status_line = ask(address)
        .map_err(|error| CommandError::Failed(format!("no answer from http://{address}/readyz: {error}")))?;
    terminal.print(&format!("{status_line}\n"))?;
    if is_success(&status_line) {
        Ok(())
    } else {
        Err(CommandError::Failed(format!(
            "http://{address}/readyz says that it is not ready"
        )))
    }
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(MAX_STATUS_LINE)).read_line(&mut line)?;
    let line = line.trim_end();
    if line.starts_with("HTTP/1.") {
        Ok(line.to_owned())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
    }
}

/// Whether the status of `HTTP/1.1 200 OK` is of the class 2xx (RFC 9110 §15.3).
fn is_success(status_line: &str) -> bool {
    let status = status_line.split(' ').nth(1).unwrap_or_default();
    status.len() == 3 && status.starts_with('2') && status.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_class_2xx_is_ready() {
        assert!(is_success("HTTP/1.1 200 OK"));
        assert!(is_success("HTTP/1.1 204"));
        for other in [
            "HTTP/1.1 503 Service Unavailable",
            "HTTP/1.1 2000",
            "HTTP/1.1",
            "HTTP/1.1  200",
        ] {
            assert!(!is_success(other), "{other:?} counted as ready");
        }
    }
}
