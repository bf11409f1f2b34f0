//! A tap before a server: it passes everything on and keeps what the client said, octet for octet.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How a TLS record of a handshake begins (RFC 8446 §5.1).
const HANDSHAKE: [u8; 2] = [0x16, 0x03];

type Said = Arc<Mutex<Vec<u8>>>;

/// A running tap.
pub(crate) struct Tap {
    addr: SocketAddr,
    connections: Arc<Mutex<Vec<Said>>>,
}

impl Tap {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tap = Self {
            addr: listener.local_addr().unwrap(),
            connections: Arc::default(),
        };
        let connections = Arc::clone(&tap.connections);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let said = Said::default();
                connections.lock().unwrap().push(Arc::clone(&said));
                tokio::spawn(pass_on(client, server, said));
            }
        });
        tap
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What was said in clear on each connection: all that came before the first record of TLS.
    pub(crate) fn said_in_clear(&self) -> Vec<String> {
        let connections = self.connections.lock().unwrap();
        let clear = |said: &Said| {
            let said = said.lock().unwrap();
            let end = said.windows(2).position(|octets| octets == HANDSHAKE);
            String::from_utf8_lossy(&said[..end.unwrap_or(said.len())]).into_owned()
        };
        connections.iter().map(clear).collect()
    }
}

async fn pass_on(client: TcpStream, server: SocketAddr, said: Said) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        copy(from_client, to_server, |octets| said.lock().unwrap().extend(octets)),
        copy(from_server, to_client, |_| ()),
    );
}

/// Copies until either side has enough; what was heard is kept before it is passed on.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, heard: impl Fn(&[u8])) {
    let mut octets = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut octets).await {
        heard(&octets[..length]);
        if to.write_all(&octets[..length]).await.is_err() {
            break;
        }
    }
    drop(to.shutdown().await);
}
