//! The load: workers that submit, each submission until it is known what became of it.
//!
//! A worker that loses its connection repeats the request under the same idempotency key, as a careful producer does, so that
//! an unknown 202 becomes a known one. Submissions are let go in portions, so that every fault meets a busy service.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    book::{Accepted, Asked, now},
    json::{items, maybe, text},
    mix::{Letter, Mix},
    rest::{Answer, Rest, is_not_now, slug},
    trouble::Fallible,
};

/// Submissions in flight at once.
const WORKERS: usize = 24;
/// Between two tries of one submission.
const PAUSE: Duration = Duration::from_millis(25);
/// A submission that has no answer by then never gets one.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running load.
pub(crate) struct Load {
    shared: Arc<Shared>,
    workers: JoinSet<Fallible<()>>,
}

struct Shared {
    rest: Rest,
    mix: Mix,
    portions: Semaphore,
    next: AtomicU64,
    asked: Mutex<Vec<Asked>>,
    turned_away: Refusals,
}

/// Answers that said "not now".
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    count: AtomicUsize,
    without_retry_after: AtomicBool,
}

impl Load {
    /// Workers that wait for their first portion.
    pub(crate) fn start(rest: &Rest, mix: Mix) -> Self {
        let shared = Arc::new(Shared {
            rest: rest.clone(),
            mix,
            portions: Semaphore::new(0),
            next: AtomicU64::new(0),
            asked: Mutex::default(),
            turned_away: Refusals::default(),
        });
        let mut workers = JoinSet::new();
        for _ in 0..WORKERS {
            let shared = Arc::clone(&shared);
            workers.spawn(async move { shared.work().await });
        }
        Self { shared, workers }
    }

    /// Lets so many more submissions go.
    pub(crate) fn release(&self, submissions: usize) {
        self.shared.portions.add_permits(submissions);
    }

    /// How often the service answered 429, 503 or the like, and whether each of those had a Retry-After.
    pub(crate) fn turned_away(&self) -> (usize, bool) {
        let refusals = &self.shared.turned_away;
        (
            refusals.count.load(Ordering::Relaxed),
            !refusals.without_retry_after.load(Ordering::Relaxed),
        )
    }

    /// Waits until every submission let go has its answer; the load's column of the ledger.
    pub(crate) async fn finish(mut self) -> Fallible<Vec<Asked>> {
        while self.shared.portions.available_permits() > 0 {
            sleep(PAUSE).await;
        }
        self.shared.portions.close();
        while let Some(worker) = self.workers.join_next().await {
            worker??;
        }
        let mut asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *asked))
    }
}

impl Shared {
    async fn work(&self) -> Fallible<()> {
        while let Ok(portion) = self.portions.acquire().await {
            portion.forget();
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let letter = self.mix.letter(number);
            let accepted = self.submit(number, &letter).await?;
            let cancelled = match &accepted {
                Some(accepted) if letter.withdrawn => self.cancel(&letter, accepted).await?,
                Some(_) | None => false,
            };
            let asked = Asked {
                number,
                cancelled,
                accepted,
            };
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        }
        Ok(())
    }

    /// The 202; none where the message's time was up before an answer came.
    async fn submit(&self, number: u64, letter: &Letter) -> Fallible<Option<Accepted>> {
        let path = format!("/v1/tenants/{}/messages", slug(letter.tenant));
        let key = format!("ledger-{number}");
        let until = Instant::now() + PATIENCE;
        loop {
            match self
                .rest
                .call(Method::POST, &path, Some(&key), Some(&letter.body))
                .await
            {
                Ok(answer) if answer.status == 202 => return accepted(&answer).map(Some),
                Ok(answer) if answer.status == 422 && has_expired(letter, &answer) => return Ok(None),
                Ok(answer) if is_not_now(answer.status) => self.turned_away.note(&answer),
                Ok(answer) if answer.status != 409 => {
                    return Err(format!("submission {number}: {} {}", answer.status, answer.body).into());
                }
                Ok(_) | Err(_) => {}
            }
            if Instant::now() > until {
                return Err(format!("submission {number} is not answered within {PATIENCE:?}").into());
            }
            sleep(PAUSE).await;
        }
    }

    /// Withdraws a message. 409 is success as well: an earlier try went through, its answer was lost. What is not there
    /// any more is for the reckoning to find.
    async fn cancel(&self, letter: &Letter, accepted: &Accepted) -> Fallible<bool> {
        let path = format!(
            "/v1/tenants/{}/messages/{}/cancel",
            slug(letter.tenant),
            accepted.message
        );
        let answer = self
            .rest
            .insist(Method::POST, &path, None, Instant::now() + PATIENCE)
            .await?;
        match answer.status {
            200 | 409 => Ok(true),
            404 => Ok(false),
            status => Err(format!("cancelling {}: {status} {}", accepted.message, answer.body).into()),
        }
    }
}

impl Refusals {
    fn note(&self, answer: &Answer) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if !answer.retry_after {
            self.without_retry_after.store(true, Ordering::Relaxed);
        }
    }
}

fn accepted(answer: &Answer) -> Fallible<Accepted> {
    let deliveries = items(&answer.body, "/deliveries").iter();
    Ok(Accepted {
        message: text(&answer.body, "/id")?,
        deliveries: deliveries
            .map(|delivery| text(delivery, "/id"))
            .collect::<Fallible<_>>()?,
        at: now(),
    })
}

/// Whether a refusal is only because time went by while the request was repeated.
fn has_expired(letter: &Letter, answer: &Answer) -> bool {
    let faults = items(&answer.body, "/errors");
    let too_late = |fault| matches!(maybe(fault, "/pointer"), Some("/expires_at" | "/send_at"));
    letter.body.get("expires_at").is_some() && !faults.is_empty() && faults.iter().all(too_late)
}
