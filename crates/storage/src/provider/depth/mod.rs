//! How much waits, of whom, how long, and how much goes through: counted aside from the sending, and kept for a while.
//!
//! Nothing counts where mail is accepted or sent. A count reads indexes only, at most every two seconds and at most a tenth
//! of the time; whoever asks meanwhile gets the last one with its instant. With 1,000,000 deliveries of 2,000 tenants
//! queued, it takes either database about 200 ms.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use domain::{
    clock::Timestamp,
    ids::TenantId,
    message::{kind::Lane, state::DeliveryStatus},
};
use tokio::sync::Mutex;

use super::ProviderStore;
use crate::{Store, error::StoreError};

mod count;

/// How old a count may be before the next one.
const FRESH: Duration = Duration::from_secs(2);
/// A count that took long is good for so many times as long.
const REST: u32 = 10;
/// How long a caller waits for a new count where there is an old one.
const PATIENCE: Duration = Duration::from_millis(30);
/// A count older than this is not shown.
const OUTDATED: Duration = Duration::from_mins(1);

/// What waits, and how much goes through.
#[derive(Debug, Clone)]
pub struct Depth {
    /// When it was counted.
    pub as_of: Timestamp,
    /// Each lane, most urgent first.
    pub lanes: Vec<LaneDepth>,
    /// Deliveries by state, of those states that are not final.
    pub statuses: Vec<(DeliveryStatus, u64)>,
    /// The tenants with the most waiting, the most first.
    pub tenants: Vec<TenantDepth>,
    /// What went through.
    pub throughput: Throughput,
}

/// What waits in a lane.
#[derive(Debug, Clone, Copy)]
pub struct LaneDepth {
    /// Which.
    pub lane: Lane,
    /// Deliveries that wait.
    pub waiting: u64,
    /// How long the oldest has been due; none where nothing is.
    pub oldest_age: Option<Duration>,
}

/// What waits of a tenant.
#[derive(Debug, Clone)]
pub struct TenantDepth {
    /// Whose.
    pub tenant: TenantId,
    /// Its short name.
    pub slug: String,
    /// Its slots in a turn.
    pub weight: u32,
    /// Deliveries that wait.
    pub waiting: u64,
    /// When the oldest was due, or will be.
    pub oldest_due_at: Timestamp,
}

/// What went through in the minute before the count.
#[derive(Debug, Clone, Copy)]
pub struct Throughput {
    /// Messages accepted.
    pub accepted_last_minute: u64,
    /// Deliveries that the next server took.
    pub sent_last_minute: u64,
}

/// The last count of this process.
#[derive(Default)]
pub(crate) struct Kept {
    last: RwLock<Option<Count>>,
    turn: Mutex<()>,
}

#[derive(Clone)]
struct Count {
    depth: Arc<Depth>,
    ended: Instant,
    took: Duration,
}

impl Count {
    fn is_fresh(&self) -> bool {
        self.ended.elapsed() < FRESH.max(self.took * REST)
    }

    fn is_outdated(&self) -> bool {
        self.ended.elapsed() > OUTDATED
    }
}

impl ProviderStore<'_> {
    /// What waits, as of a moment ago.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn depth(&self) -> Result<Arc<Depth>, StoreError> {
        let store = self.store.clone();
        match self.store.inner.depth.last() {
            Some(count) if count.is_fresh() => Ok(count.depth),
            Some(count) if !count.is_outdated() => {
                // Goes on by itself when it takes longer: who asks next gets it.
                let newer = tokio::spawn(async move { store.counted().await });
                match tokio::time::timeout(PATIENCE, newer).await {
                    Ok(Ok(newer)) => newer,
                    Ok(Err(_)) | Err(_) => Ok(count.depth),
                }
            }
            _ => store.counted().await,
        }
    }
}

impl Kept {
    fn last(&self) -> Option<Count> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, count: Count) {
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(count);
    }
}

impl Store {
    /// A fresh count; of many who want one, one counts.
    async fn counted(&self) -> Result<Arc<Depth>, StoreError> {
        let _turn = self.inner.depth.turn.lock().await;
        if let Some(count) = self.inner.depth.last().filter(Count::is_fresh) {
            return Ok(count.depth);
        }
        let began = Instant::now();
        let depth = Arc::new(self.count().await?);
        self.inner.depth.keep(Count {
            depth: Arc::clone(&depth),
            ended: Instant::now(),
            took: began.elapsed(),
        });
        Ok(depth)
    }
}
