//! What every fault has in common: a service, a load let go in portions, a log of what was done, and the reckoning.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};

use crate::{
    book::{Evidence, Fault, Frozen, Millis, now},
    calm, check,
    load::Load,
    plan::{FaultKind, Plan},
    report::Ledger,
    site::{Ground, Shape, Site},
    trouble::Fallible,
    violation::Violation,
};

/// A service under load, while things are done to it.
pub(crate) struct Campaign<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) site: Site,
    pub(crate) load: Load,
    pub(crate) dice: StdRng,
    /// How often to strike.
    pub(crate) blows: usize,
    pub(crate) found: Vec<Violation>,
    pub(crate) frozen: Vec<Frozen>,
    pub(crate) faults: Vec<Fault>,
    /// The possible duplicates counted by processes that have ended in order.
    pub(crate) counted: usize,
    fault: FaultKind,
    messages: usize,
    released: usize,
    patience: Duration,
    started: Instant,
}

impl<'a> Campaign<'a> {
    pub(crate) async fn open(ground: &'a Ground, plan: &Plan, fault: FaultKind, shape: Shape) -> Fallible<Self> {
        let (messages, blows) = plan.size(fault);
        let mix = plan.mix(fault);
        let site = Site::open(ground, fault.as_str(), shape).await?;
        let load = Load::start(&site.rest, mix);
        Ok(Self {
            ground,
            site,
            load,
            dice: StdRng::seed_from_u64(mix.seed),
            blows,
            found: Vec::new(),
            frozen: Vec::new(),
            faults: Vec::new(),
            counted: 0,
            fault,
            messages,
            released: 0,
            patience: if plan.long {
                Duration::from_mins(10)
            } else {
                Duration::from_mins(1)
            },
            started: Instant::now(),
        })
    }

    /// Lets the next share of the load go: one before each blow, and one after the last.
    pub(crate) fn next_portion(&mut self) {
        let share = self.messages.div_ceil(self.blows + 1);
        self.release(share.min(self.messages - self.released));
    }

    /// Lets half of what belongs to a blow go: one half before it and one while it lasts.
    pub(crate) fn half_portion(&mut self) {
        let share = self.messages.div_ceil(2 * self.blows);
        self.release(share.min(self.messages - self.released));
    }

    /// Makes the load longer by what belongs to one blow.
    pub(crate) fn one_blow_more(&mut self) {
        self.messages += self.messages.div_ceil(self.blows);
        self.blows += 1;
    }

    /// Lets all that is left of the load go.
    pub(crate) fn the_rest(&mut self) {
        self.release(self.messages - self.released);
    }

    fn release(&mut self, submissions: usize) {
        self.load.release(submissions);
        self.released += submissions;
    }

    /// Writes down what was done, since when, until now.
    pub(crate) fn done(&mut self, name: &'static str, from: Millis) {
        let back = now();
        self.faults.push(Fault { name, from, back });
    }

    /// Waits until the sink has taken something that was begun at or after an instant.
    pub(crate) async fn sending_since(&self, instant: Millis, within: Duration) -> Option<Millis> {
        let until = Instant::now() + within;
        while Instant::now() < until {
            let first = self
                .site
                .sink
                .taken()
                .iter()
                .filter(|taken| taken.begun_at >= instant)
                .map(|taken| taken.dot_at)
                .min();
            if first.is_some() {
                return first;
            }
            sleep(Duration::from_millis(20)).await;
        }
        None
    }

    /// Lets the rest of the load go, waits for quiet, and reckons up.
    pub(crate) async fn close(mut self) -> Fallible<Ledger> {
        self.the_rest();
        let (turned_away, all_with_retry_after) = self.load.turned_away();
        if !all_with_retry_after {
            self.found
                .push(Violation::Behaviour("a 429 or 5xx had no Retry-After".to_owned()));
        }
        let asked = self.load.finish().await?;
        let loaded = self.started.elapsed();
        let stored = calm::read_at_rest(&self.site.rest, self.patience).await?;
        let counted = if self.fault.keeps_counters() {
            Some(self.counted + self.site.possible_duplicates().await?)
        } else {
            None
        };
        let evidence = Evidence {
            asked,
            stored,
            taken: self.site.sink.taken(),
            refused: self.site.sink.refused(),
            counted,
            faults: self.faults,
            frozen: self.frozen,
            read_at: now(),
        };
        self.found.extend(check::violations(&evidence));
        let kept = if self.found.is_empty() {
            None
        } else {
            Some(self.site.keep())
        };
        Ok(Ledger {
            store: self.ground.store,
            fault: self.fault,
            evidence,
            violations: self.found,
            turned_away,
            loaded,
            took: self.started.elapsed(),
            kept,
        })
    }
}
