//! Microsoft as far as mail needs it: Entra's token endpoint and Graph's sendMail, for tests and the demo.
//!
//! It believes nothing: client, secret, scope, token, permission, mailbox and mail are verified as Microsoft documents it, and
//! what is wrong is answered with the documented status, shape and headers. A client that passes here by accident would be no
//! proof, so it shares no code with the transport. HTTP is hyper's, which is in the program already as the engine of the
//! client. What was accepted is kept for the test to see.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use url::Url;

mod config;
mod desk;
mod documented;
mod entra;
mod graph;
mod kept;
mod mail;
mod script;

pub use config::{ClientSecret, Directory, EmulatorConfig, MailboxEntry, MailboxState, Registration, SecretState};
pub use documented::{NotDocumented, documented};
pub use kept::{Form, SentItems, Taken, TooFew};
pub use script::{At, Play, Said, Script};

use desk::Desk;

/// An emulator that runs. Dropped, it stops.
#[derive(Debug)]
pub struct GraphEmulator {
    addr: SocketAddr,
    desk: Arc<Desk>,
    sessions: TaskTracker,
    stopped: CancellationToken,
    _stops_when_dropped: DropGuard,
}

impl GraphEmulator {
    /// Starts one.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub async fn start(config: EmulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.bind).await?;
        let addr = listener.local_addr()?;
        let desk = Arc::new(Desk::new(config, graph_base(addr)));
        let (sessions, stopped) = (TaskTracker::new(), CancellationToken::new());
        let accepting = accept(listener, Arc::clone(&desk), sessions.clone(), stopped.clone());
        sessions.spawn(stopped.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            addr,
            desk,
            sessions,
            _stops_when_dropped: stopped.clone().drop_guard(),
            stopped,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What to set in place of Entra: `LETTERHEAD_O365_LOGIN_URL`.
    ///
    /// # Errors
    /// Never: an address and a port make a URL.
    pub fn login_url(&self) -> Result<Url, url::ParseError> {
        Url::parse(&format!("http://{}/login", self.addr))
    }

    /// What to set in place of Graph: `LETTERHEAD_O365_GRAPH_URL`.
    ///
    /// # Errors
    /// Never: an address and a port make a URL.
    pub fn graph_url(&self) -> Result<Url, url::ParseError> {
        Url::parse(&graph_base(self.addr))
    }

    /// The mails taken, oldest first.
    #[must_use]
    pub fn taken(&self) -> Vec<Arc<Taken>> {
        self.desk.kept.taken()
    }

    /// The mails taken, as soon as there are so many.
    ///
    /// # Errors
    /// [`TooFew`] where fewer came in time.
    pub async fn wait_for(&self, count: usize, within: Duration) -> Result<Vec<Arc<Taken>>, TooFew> {
        self.desk.kept.wait_for(count, within).await
    }

    /// How many tokens were asked for.
    #[must_use]
    pub fn tokens_asked(&self) -> u64 {
        self.desk.kept.tokens_asked()
    }

    /// How many sends began, with whatever end.
    #[must_use]
    pub fn sends_begun(&self) -> u64 {
        self.desk.kept.sends_begun()
    }

    /// How many sends were under way at once, at most.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.desk.kept.most_at_once()
    }

    /// How many requests ended before they were whole.
    #[must_use]
    pub fn broken_off(&self) -> u64 {
        self.desk.kept.broken_off()
    }

    /// Makes every token given so far worthless, as Microsoft does when an application is changed.
    pub fn revoke_tokens(&self) {
        self.desk.kept.revoke_tokens();
    }

    /// Replaces the script, for the requests still to come.
    pub fn play(&self, script: Script) {
        self.desk.script.replace(script);
    }

    /// Closes the listener and every connection, and waits until they are gone.
    pub async fn stop(self) {
        self.stopped.cancel();
        self.sessions.close();
        self.sessions.wait().await;
    }
}

fn graph_base(addr: SocketAddr) -> String {
    format!("http://{addr}/graph")
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, sessions: TaskTracker, stopped: CancellationToken) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let session = serve(stream, Arc::clone(&desk));
                sessions.spawn(stopped.clone().run_until_cancelled_owned(session));
            }
            // Out of file descriptors, mostly: a pause lets sessions end and give theirs back.
            Err(error) => {
                tracing::warn!(%error, "the emulator could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    let answered = service_fn(|request| {
        let desk = Arc::clone(&desk);
        async move { desk.answer(request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answered);
    // A client that goes away, or a script that drops it, is no fault here.
    drop(connection.await);
}
