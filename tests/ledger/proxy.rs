//! A wire between a node and PostgreSQL that can be cut: both ends keep their connections, and nothing gets through.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::trouble::Fallible;

/// Octets passed on at once.
const PIECE: usize = 16 * 1024;

/// A running wire.
pub(crate) struct Wire {
    address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Wire {
    pub(crate) async fn to(port: u16) -> Fallible<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (whole, seen) = watch::channel(true);
        let wire = Self {
            address: listener.local_addr()?,
            whole,
        };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                        return;
                    };
                    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
                    // Whichever direction ends first ends the other.
                    tokio::select! {
                        _ = pass_on(near_read, far_write, seen.clone()) => {}
                        _ = pass_on(far_read, near_write, seen) => {}
                    }
                });
            }
        });
        Ok(wire)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut whole: watch::Receiver<bool>,
) -> Fallible<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).await?;
        whole.wait_for(|whole| *whole).await?;
        match piece.get(..read) {
            Some(octets) if !octets.is_empty() => to.write_all(octets).await?,
            Some(_) | None => return Ok(()),
        }
    }
}
