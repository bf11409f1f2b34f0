//! A listener that nobody may reach: it keeps whom the callers wanted.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::connection::Host;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// A listener on every address of the machine.
pub(crate) struct Canary {
    port: u16,
    reached: Arc<Mutex<Vec<IpAddr>>>,
}

impl Canary {
    pub(crate) async fn start() -> Self {
        // Takes IPv4 too.
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await.unwrap();
        let canary = Self {
            port: listener.local_addr().unwrap().port(),
            reached: Arc::default(),
        };
        let reached = Arc::clone(&canary.reached);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let wanted = stream.local_addr().unwrap().ip().to_canonical();
                reached.lock().unwrap().push(wanted);
            }
        });
        canary
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The addresses at which it was reached, in order: all of them, for a connection of our own comes last, to `marker`.
    pub(crate) async fn reached_before(&self, marker: &str) -> Vec<IpAddr> {
        let marker: IpAddr = marker.parse().unwrap();
        let at = SocketAddr::new(marker, self.port);
        let ours = timeout(PATIENCE, TcpStream::connect(at)).await.unwrap().unwrap();
        let heard = async {
            while self.reached.lock().unwrap().last() != Some(&marker) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, heard).await.unwrap();
        drop(ours);
        let mut reached = self.reached.lock().unwrap();
        reached.pop();
        reached.clone()
    }
}

/// A host as the settings would read it.
pub(crate) fn host(text: &str) -> Host {
    text.parse().unwrap()
}
