//! A mail server that keeps what it gets: the demo's smarthost, and the far end of every test that sends.
//!
//! It is stricter than most servers, so that what it takes, they take: command order, lengths and line ends are held to
//! RFC 5321, and a text with a bare CR or LF is refused, since servers that disagree about line ends can be made to see two
//! messages where one was sent. A [`Script`] makes it refuse, hang, drop, drip, flood or lie at any step.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, broadcast},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

mod auth;
mod command;
mod config;
mod data;
mod mailroom;
mod play;
mod script;
mod session;
mod wire;

pub use config::{Accepts, Extension, InboxConfig, Limits, Mechanism, Offered, Recording, TlsMode};
pub use mailroom::{Captured, Channel, NotArrived};
pub use script::{Behaviour, FloodOf, Script, Step};

use mailroom::Mailroom;
use session::Session;

/// A running server; dropping it closes its connections.
#[derive(Debug)]
pub struct Inbox {
    addr: SocketAddr,
    house: Arc<House>,
    sessions: TaskTracker,
    stopped: CancellationToken,
    _stops_when_dropped: DropGuard,
}

/// What the sessions of one server share.
#[derive(Debug)]
struct House {
    config: InboxConfig,
    script: script::Prompter,
    mailroom: Mailroom,
    places: Arc<Semaphore>,
}

impl Inbox {
    /// Binds and serves until stopped or dropped.
    ///
    /// # Errors
    /// The operating system's, where the address cannot be bound.
    pub async fn start(config: InboxConfig) -> std::io::Result<Self> {
        let listener = TcpListener::bind(config.bind).await?;
        let addr = listener.local_addr()?;
        let house = Arc::new(House {
            script: script::Prompter::new(config.script.clone()),
            mailroom: Mailroom::new(config.limits.kept_octets, config.clock.clone()),
            places: Arc::new(Semaphore::new(config.limits.connections)),
            config,
        });
        let (sessions, stopped) = (TaskTracker::new(), CancellationToken::new());
        let accepting = accept(listener, Arc::clone(&house), sessions.clone(), stopped.clone());
        sessions.spawn(stopped.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            addr,
            house,
            sessions,
            _stops_when_dropped: stopped.clone().drop_guard(),
            stopped,
        })
    }

    /// Where it listens; the port is the one the system chose where 0 was asked for.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The messages kept, oldest first; fewer than [`Inbox::received`] once the memory bound dropped some.
    #[must_use]
    pub fn messages(&self) -> Vec<Arc<Captured>> {
        self.house.mailroom.messages()
    }

    /// How many messages were taken since the start or the last [`Inbox::clear`].
    #[must_use]
    pub fn received(&self) -> u64 {
        self.house.mailroom.received()
    }

    /// The messages kept, as soon as `count` were taken since the start or the last [`Inbox::clear`].
    ///
    /// # Errors
    /// [`NotArrived`] where fewer came in time.
    pub async fn wait_for(&self, count: u64, within: Duration) -> Result<Vec<Arc<Captured>>, NotArrived> {
        self.house.mailroom.wait_for(count, within).await
    }

    /// Every message from now on, as it is taken; a reader that lags by more than 1,024 misses the oldest.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Captured>> {
        self.house.mailroom.subscribe()
    }

    /// Forgets messages, commands and recorded octets; connections stay open and counted.
    pub fn clear(&self) {
        self.house.mailroom.clear();
    }

    /// TCP connections accepted since the start, those turned away included.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.house.mailroom.connections()
    }

    /// Command lines in the order of arrival, without what followed AUTH; the last 10,000.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        self.house.mailroom.commands()
    }

    /// Every octet that came in clear, where [`Recording::Clear`] asked to keep them.
    #[must_use]
    pub fn clear_octets(&self) -> Vec<u8> {
        self.house.mailroom.clear_octets()
    }

    /// Replaces the script, for the steps still to come on all connections.
    pub fn play(&self, script: Script) {
        self.house.script.replace(script);
    }

    /// Closes the listener and every connection, and waits until they are gone.
    pub async fn stop(self) {
        self.stopped.cancel();
        self.sessions.close();
        self.sessions.wait().await;
    }
}

async fn accept(listener: TcpListener, house: Arc<House>, sessions: TaskTracker, stopped: CancellationToken) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let session = admit(stream, Arc::clone(&house));
                sessions.spawn(stopped.clone().run_until_cancelled_owned(session));
            }
            // Out of file descriptors, mostly: a pause lets sessions end and give theirs back.
            Err(error) => {
                tracing::warn!(%error, "the inbox could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn admit(stream: TcpStream, house: Arc<House>) {
    house.mailroom.count_connection();
    let place = Arc::clone(&house.places).try_acquire_owned();
    let session = Session::new(stream, house);
    match place {
        Ok(_held) => session.run().await,
        Err(_) => session.turn_away().await,
    }
}
