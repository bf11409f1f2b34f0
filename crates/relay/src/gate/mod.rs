//! The outbound gate: the only way from here to an address that somebody typed in.
//!
//! A name is resolved once, every address it has is checked, and the connection goes to a checked address: a name that
//! answers differently the second time gains nothing. One forbidden address condemns the whole name, since a server chosen
//! by luck of the draw is no configuration. What is refused says nothing about why, so that the gate cannot be used to map
//! the network behind it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use domain::connection::Host;
use ipnet::IpNet;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

mod forbidden;
pub mod http;

/// The gate, with what the operator allows in spite of the rules; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    allowed: Arc<[IpNet]>,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// The host has an address nobody may be sent to.
    #[error("blocked_address")]
    Blocked,
    /// The name has no address, or no name server answered.
    #[error("the host name could not be resolved")]
    NotFound,
    /// Somebody is there and does not listen on the port.
    #[error("the connection was refused")]
    Refused,
    /// Nobody answered in time.
    #[error("the connection timed out")]
    TimedOut,
    /// The network gave up first.
    #[error("the host could not be reached")]
    Unreachable,
}

impl Gate {
    /// A gate that lets through what is public and what lies in one of these networks.
    #[must_use]
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allowed: allow.into() }
    }

    /// Every address of a host, all of them checked.
    ///
    /// # Errors
    /// [`GateError::Blocked`] where one of them is forbidden, [`GateError::NotFound`] where there is none.
    pub async fn resolve(&self, host: &Host, port: u16) -> Result<Vec<SocketAddr>, GateError> {
        let addresses: Vec<SocketAddr> = match host {
            Host::Address(address) => vec![SocketAddr::new(*address, port)],
            Host::Name(name) => lookup_host((name.as_str(), port))
                .await
                .map_err(|_| GateError::NotFound)?
                .collect(),
        };
        if addresses.is_empty() {
            return Err(GateError::NotFound);
        }
        if addresses.iter().any(|address| !self.lets_through(address.ip())) {
            return Err(GateError::Blocked);
        }
        Ok(addresses)
    }

    /// Connects to the first of these checked addresses that answers, all of them `within` one time-out.
    ///
    /// Nagle's algorithm is off: with it a small write waits for the acknowledgement of the one before, 44 ms a message.
    ///
    /// # Errors
    /// The last address's failure, or [`GateError::TimedOut`].
    pub async fn connect(&self, addresses: &[SocketAddr], within: Duration) -> Result<TcpStream, GateError> {
        timeout(within, self.first_that_answers(addresses))
            .await
            .unwrap_or(Err(GateError::TimedOut))
    }

    async fn first_that_answers(&self, addresses: &[SocketAddr]) -> Result<TcpStream, GateError> {
        let mut last = GateError::NotFound;
        for address in addresses {
            // Checked again: the list comes from a caller, and the check costs nothing beside a connection.
            if !self.lets_through(address.ip()) {
                return Err(GateError::Blocked);
            }
            match dial(*address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = why(&error),
            }
        }
        Err(last)
    }

    fn lets_through(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        let allowed = self
            .allowed
            .iter()
            .any(|net| net.contains(&address) || net.contains(&plain));
        allowed || !forbidden::is_forbidden(address)
    }
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn why(error: &io::Error) -> GateError {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        GateError::Refused
    } else if error.kind() == io::ErrorKind::TimedOut {
        GateError::TimedOut
    } else {
        GateError::Unreachable
    }
}
