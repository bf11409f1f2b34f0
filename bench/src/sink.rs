//! The mail server at the end of every way: it takes whatever comes, notes who it was for and when, and forgets it.
//!
//! It has a thread of its own, so that arrivals are stamped when they happen and not when the load generator has time, and
//! does as little as it can: it must never be what bounds a measurement.

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::{net::TcpListener, runtime, sync::Notify, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

mod session;

use crate::message::Tag;

/// A message that was answered 250.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) tag: Tag,
    /// When the answer was given.
    pub(crate) at: Instant,
}

/// A running sink, stopped with this value.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    book: Arc<Book>,
    _stop: DropGuard,
}

/// What the sessions share.
#[derive(Debug, Default)]
struct Book {
    arrivals: Mutex<Vec<Arrival>>,
    count: AtomicUsize,
    /// The count that somebody waits for; nobody is woken before.
    awaited: AtomicUsize,
    reached: Notify,
    delay_us: AtomicU64,
}

impl Sink {
    /// Listens on a free port of the loopback and answers each message after `delay`.
    pub(crate) fn start(delay: Duration) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port for the sink")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let book = Arc::new(Book::default());
        book.awaited.store(usize::MAX, Ordering::Relaxed);
        let delay_us = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        book.delay_us.store(delay_us, Ordering::Relaxed);
        let stop = CancellationToken::new();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (shared, stopped) = (Arc::clone(&book), stop.clone());
        thread::Builder::new().name("sink".to_owned()).spawn(move || {
            // An error ends the sink; whoever waits for it then runs into the time limit and says so.
            drop(runtime.block_on(stopped.run_until_cancelled(serve(listener, shared))));
        })?;
        Ok(Self {
            address,
            book,
            _stop: stop.drop_guard(),
        })
    }

    /// How many messages have arrived since the last [`Self::clear`].
    pub(crate) fn count(&self) -> usize {
        self.book.count.load(Ordering::Acquire)
    }

    /// Forgets what has arrived.
    pub(crate) fn clear(&self) {
        let mut arrivals = self.book.arrivals();
        arrivals.clear();
        self.book.count.store(0, Ordering::Release);
    }

    /// Waits until `count` messages have arrived, or for `limit`; says whether they have.
    pub(crate) async fn reached(&self, count: usize, limit: Duration) -> bool {
        self.book.awaited.store(count, Ordering::SeqCst);
        let arrived = async {
            loop {
                let notified = self.book.reached.notified();
                if self.count() >= count {
                    return;
                }
                notified.await;
            }
        };
        let in_time = timeout(limit, arrived).await.is_ok();
        self.book.awaited.store(usize::MAX, Ordering::SeqCst);
        in_time || self.count() >= count
    }

    /// All arrivals so far, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.book.arrivals().clone()
    }

    /// How many messages of a series have arrived.
    pub(crate) fn count_of(&self, series: u32) -> usize {
        let arrivals = self.book.arrivals();
        arrivals.iter().filter(|arrival| arrival.tag.series == series).count()
    }

    /// The last arrival.
    pub(crate) fn last(&self) -> Option<Arrival> {
        self.book.arrivals().last().copied()
    }

    /// Arrivals of messages that had arrived before.
    pub(crate) fn duplicates(&self) -> usize {
        let arrivals = self.book.arrivals();
        let distinct: HashSet<Tag> = arrivals.iter().map(|arrival| arrival.tag).collect();
        arrivals.len() - distinct.len()
    }
}

impl Book {
    fn arrivals(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, tags: &[Tag]) {
        let at = Instant::now();
        self.arrivals().extend(tags.iter().map(|tag| Arrival { tag: *tag, at }));
        let before = self.count.fetch_add(tags.len(), Ordering::SeqCst);
        if before + tags.len() >= self.awaited.load(Ordering::SeqCst) {
            self.reached.notify_waiters();
        }
    }

    fn delay(&self) -> Duration {
        Duration::from_micros(self.delay_us.load(Ordering::Relaxed))
    }
}

async fn serve(listener: std::net::TcpListener, book: Arc<Book>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(session::serve(stream, Arc::clone(&book)));
    }
}
