//! What the emulator remembers: mails it took, tokens it gave, and how often it was asked.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use uuid::Uuid;

/// A mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The mailbox it was sent from.
    pub mailbox: String,
    /// The application that sent it.
    pub application: Uuid,
    /// How it came.
    pub form: Form,
    /// Whether a copy was kept.
    pub copy: SentItems,
    /// Its subject, decoded.
    pub subject: String,
    /// The addresses of its recipients.
    pub recipients: Vec<String>,
    /// The mail: MIME as it was before base64, or the JSON.
    pub data: Vec<u8>,
}

/// How a mail came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// MIME in base64.
    Mime,
    /// JSON.
    Json,
}

/// What became of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentItems {
    /// It lies in Sent Items.
    Kept,
    /// There is none.
    Dropped,
}

/// Fewer mails came than were waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{arrived} of {wanted} mails arrived in time")]
pub struct TooFew {
    /// How many were waited for.
    pub wanted: usize,
    /// How many came.
    pub arrived: usize,
}

/// What a token stands for.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) directory: Uuid,
    pub(super) application: Uuid,
    pub(super) until: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Kept {
    taken: watch::Sender<Vec<Arc<Taken>>>,
    grants: Mutex<HashMap<String, Grant>>,
    tokens_asked: AtomicU64,
    sends_begun: AtomicU64,
    broken_off: AtomicU64,
    under_way: Mutex<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    all: usize,
    most: usize,
    by_mailbox: HashMap<(Uuid, String), usize>,
}

/// One send under way; dropped, it is over.
#[derive(Debug)]
pub(super) struct Begun<'a> {
    kept: &'a Kept,
    key: (Uuid, String),
    pub(super) at_once: usize,
}

impl Kept {
    pub(super) fn taken(&self) -> Vec<Arc<Taken>> {
        self.taken.borrow().clone()
    }

    pub(super) async fn wait_for(&self, wanted: usize, within: Duration) -> Result<Vec<Arc<Taken>>, TooFew> {
        let mut taken = self.taken.subscribe();
        let enough = taken.wait_for(|taken| taken.len() >= wanted);
        match timeout(within, enough).await {
            Ok(_) => Ok(self.taken()),
            Err(_) => Err(TooFew {
                wanted,
                arrived: self.taken().len(),
            }),
        }
    }

    pub(super) fn take(&self, mail: Taken) {
        self.taken.send_modify(|taken| taken.push(Arc::new(mail)));
    }

    pub(super) fn give(&self, token: String, grant: Grant) {
        lock(&self.grants).insert(token, grant);
    }

    pub(super) fn grant(&self, token: &str) -> Option<Grant> {
        let grant = lock(&self.grants).get(token).cloned()?;
        (Instant::now() < grant.until).then_some(grant)
    }

    pub(super) fn revoke_tokens(&self) {
        lock(&self.grants).clear();
    }

    pub(super) fn count_token(&self) {
        self.tokens_asked.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn count_broken_off(&self) {
        self.broken_off.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn tokens_asked(&self) -> u64 {
        self.tokens_asked.load(Ordering::SeqCst)
    }

    pub(super) fn sends_begun(&self) -> u64 {
        self.sends_begun.load(Ordering::SeqCst)
    }

    pub(super) fn broken_off(&self) -> u64 {
        self.broken_off.load(Ordering::SeqCst)
    }

    pub(super) fn most_at_once(&self) -> usize {
        lock(&self.under_way).most
    }

    pub(super) fn count_send(&self) {
        self.sends_begun.fetch_add(1, Ordering::SeqCst);
    }

    /// A send of an application for a mailbox begins.
    pub(super) fn begin(&self, application: Uuid, mailbox: &str) -> Begun<'_> {
        let key = (application, mailbox.to_ascii_lowercase());
        let mut under_way = lock(&self.under_way);
        under_way.all += 1;
        under_way.most = under_way.most.max(under_way.all);
        let at_once = under_way.by_mailbox.entry(key.clone()).or_default();
        *at_once += 1;
        let at_once = *at_once;
        Begun {
            kept: self,
            key,
            at_once,
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let mut under_way = lock(&self.kept.under_way);
        under_way.all -= 1;
        if let Some(at_once) = under_way.by_mailbox.get_mut(&self.key) {
            *at_once -= 1;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
