//! Whether the ledger balances. A pure function of the evidence, so that forged evidence can test it.

use std::collections::HashMap;

use domain::message::state::DeliveryStatus;

use crate::{
    book::{Accepted, Asked, Evidence, Fault, Frozen, Millis, Stored, StoredDelivery, Taken},
    mix,
    violation::Violation,
};

/// From the mark, which the database's clock judges, to the dot at the sink on a machine that is busy with both.
const ON_THE_WAY: Millis = 1000;
/// The same for a process that was stopped between the two: it may still write the dot within `DOT_WITHIN` of the mark.
const STOPPED_ON_THE_WAY: Millis = 5000 + ON_THE_WAY;

/// Every rule that the evidence breaks.
pub(crate) fn violations(evidence: &Evidence) -> Vec<Violation> {
    let desk = Desk::new(evidence);
    let mut found = Vec::new();
    for asked in &evidence.asked {
        found.extend(desk.promise(asked));
    }
    for message in &evidence.stored {
        found.extend(desk.stranger(message));
        found.extend(desk.orphan(message));
        for delivery in &message.deliveries {
            found.extend(desk.end(message, delivery));
            found.extend(desk.copies(message, delivery));
        }
    }
    found.extend(desk.unknown_mail());
    found.extend(after_lease(evidence));
    found.extend(miscounted(evidence));
    found
}

/// Mail over and above one for each delivery.
pub(crate) fn duplicates(evidence: &Evidence) -> usize {
    let takes = by_delivery(&evidence.taken);
    takes.values().map(|copies| copies.len() - 1).sum()
}

/// How many duplicates the store had announced: sends whose outcome it did not know.
pub(crate) fn bound(evidence: &Evidence) -> usize {
    let deliveries = evidence.stored.iter().flat_map(|message| &message.deliveries);
    deliveries.map(|delivery| delivery.doubts).sum()
}

/// Dots that arrived for deliveries whose outcome was known to be unknown.
pub(crate) fn repeats(evidence: &Evidence) -> usize {
    let deliveries = evidence.stored.iter().flat_map(|message| &message.deliveries);
    let doubts: HashMap<&str, Millis> = deliveries
        .filter_map(|delivery| Some((delivery.id.as_str(), delivery.doubted_at?)))
        .collect();
    // A mail that was begun before is the one that is in doubt.
    let after_doubt = |dot: &&Taken| doubts.get(dot.delivery.as_str()).is_some_and(|at| dot.begun_at >= *at);
    evidence.dots().filter(after_doubt).count()
}

/// Deliveries that frozen nodes had in hand past their leases.
pub(crate) fn held_by(frozen: &[Frozen]) -> usize {
    frozen.iter().map(|frozen| frozen.held.len()).sum()
}

/// The evidence, indexed.
struct Desk<'a> {
    evidence: &'a Evidence,
    stored: HashMap<u64, Vec<&'a Stored>>,
    asked: HashMap<u64, &'a Asked>,
    groups: HashMap<&'a (usize, String, String), Vec<&'a Stored>>,
    taken: HashMap<&'a str, Vec<&'a Taken>>,
}

impl<'a> Desk<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let mut stored: HashMap<u64, Vec<&Stored>> = HashMap::new();
        let mut groups: HashMap<_, Vec<&Stored>> = HashMap::new();
        for message in &evidence.stored {
            if let Some(number) = message.number {
                stored.entry(number).or_default().push(message);
            }
            if let Some(key) = &message.supersede {
                groups.entry(key).or_default().push(message);
            }
        }
        Self {
            evidence,
            stored,
            asked: evidence.asked.iter().map(|asked| (asked.number, asked)).collect(),
            groups,
            taken: by_delivery(&evidence.taken),
        }
    }

    /// What was accepted is in the store, once.
    fn promise(&self, asked: &Asked) -> Vec<Violation> {
        let stored = self.stored.get(&asked.number).map(Vec::as_slice).unwrap_or_default();
        let mut found = Vec::new();
        if stored.len() > 1 {
            found.push(Violation::SecondMessage {
                number: asked.number,
                messages: stored.len(),
            });
        }
        let Some(accepted) = &asked.accepted else {
            return found;
        };
        let same = stored.iter().find(|message| message.message == accepted.message);
        let has = |id: &&String| same.is_some_and(|message| message.deliveries.iter().any(|d| d.id == **id));
        let lost = accepted.deliveries.iter().filter(|id| !has(id));
        found.extend(lost.map(|id| Violation::Lost { delivery: id.clone() }));
        found
    }

    fn stranger(&self, message: &Stored) -> Option<Violation> {
        let known = message.number.is_some_and(|number| self.asked.contains_key(&number));
        (!known).then(|| Violation::Stranger {
            message: message.message.clone(),
        })
    }

    /// Of messages that replace each other, the newest stays.
    fn orphan(&self, message: &Stored) -> Option<Violation> {
        let group = self.groups.get(message.supersede.as_ref()?)?;
        let newest = group.iter().map(|other| &other.message).max()?;
        let superseded = message
            .deliveries
            .iter()
            .any(|d| d.status == DeliveryStatus::Superseded);
        (newest == &message.message && superseded).then(|| Violation::Orphaned {
            message: message.message.clone(),
        })
    }

    /// Every delivery came to an end, and to one that there was a reason for.
    fn end(&self, message: &Stored, delivery: &StoredDelivery) -> Option<Violation> {
        let copies = self.copies_of(delivery).len();
        let (id, status) = (delivery.id.clone(), delivery.status);
        let reason = match status {
            DeliveryStatus::Scheduled | DeliveryStatus::Queued | DeliveryStatus::Sending | DeliveryStatus::Deferred => {
                return Some(Violation::NotFinal { delivery: id, status });
            }
            DeliveryStatus::Sent if copies == 0 => return Some(Violation::NeverArrived { delivery: id }),
            DeliveryStatus::Sent | DeliveryStatus::OutcomeUnknown => return None,
            DeliveryStatus::Bounced => mix::is_refused(&delivery.to),
            DeliveryStatus::Expired => message.expires_at <= self.evidence.read_at,
            DeliveryStatus::Cancelled => self.asked_for(message).is_some_and(|asked| asked.cancelled),
            DeliveryStatus::Superseded => message.supersede.is_some(),
            DeliveryStatus::Suppressed => false,
        };
        if !reason {
            return Some(Violation::WithoutReason { delivery: id, status });
        }
        (copies > 0 && delivery.doubts == 0).then_some(Violation::Denied { delivery: id, status })
    }

    /// No copy too many, none too late.
    fn copies(&self, message: &Stored, delivery: &StoredDelivery) -> Vec<Violation> {
        let copies = self.copies_of(delivery);
        let id = || delivery.id.clone();
        let mut found = Vec::new();
        if copies.len() > delivery.doubts + 1 {
            found.push(Violation::OverTheBound {
                delivery: id(),
                copies: copies.len(),
                doubts: delivery.doubts,
            });
        }
        for pair in copies.windows(2) {
            if let [first, second] = pair
                && !explained(first, second, &self.evidence.faults)
            {
                found.push(Violation::Unexplained { delivery: id() });
            }
        }
        let replaced_at = self.replaced_at(message);
        for copy in copies {
            let late = copy.dot_at - message.expires_at;
            if late > STOPPED_ON_THE_WAY {
                found.push(Violation::TooLate { delivery: id(), late });
            }
            let late = replaced_at.map_or(0, |at| copy.dot_at - at);
            if late > STOPPED_ON_THE_WAY {
                found.push(Violation::Replaced { delivery: id(), late });
            }
        }
        found
    }

    /// The sink has nothing that the store does not know.
    fn unknown_mail(&self) -> Vec<Violation> {
        let deliveries = self.evidence.stored.iter().flat_map(|message| &message.deliveries);
        let known: std::collections::HashSet<&str> = deliveries.map(|delivery| delivery.id.as_str()).collect();
        let unknown = self.taken.keys().filter(|delivery| !known.contains(**delivery));
        unknown
            .map(|delivery| Violation::UnknownMail {
                delivery: (*delivery).to_owned(),
            })
            .collect()
    }

    /// When the first message that replaces this one was answered.
    fn replaced_at(&self, message: &Stored) -> Option<Millis> {
        let group = self.groups.get(message.supersede.as_ref()?)?;
        let newer = group.iter().filter(|other| other.message > message.message);
        let answers = newer.filter_map(|other| self.asked_for(other)?.accepted.as_ref());
        answers.map(|accepted: &Accepted| accepted.at).min()
    }

    fn asked_for(&self, message: &Stored) -> Option<&Asked> {
        self.asked.get(&message.number?).copied()
    }

    fn copies_of(&self, delivery: &StoredDelivery) -> &[&Taken] {
        self.taken
            .get(delivery.id.as_str())
            .map(Vec::as_slice)
            .unwrap_or_default()
    }
}

/// What the sink took of each delivery, in order.
fn by_delivery(taken: &[Taken]) -> HashMap<&str, Vec<&Taken>> {
    let mut copies: HashMap<&str, Vec<&Taken>> = HashMap::new();
    for copy in taken {
        copies.entry(copy.delivery.as_str()).or_default().push(copy);
    }
    for copies in copies.values_mut() {
        copies.sort_by_key(|copy| copy.dot_at);
    }
    copies
}

/// By the sink alone: the first 250 was not written, or a fault fell between the two.
fn explained(first: &Taken, second: &Taken, faults: &[Fault]) -> bool {
    let between = |fault: &Fault| fault.from <= second.dot_at && fault.back + ON_THE_WAY >= first.dot_at;
    !first.answered || faults.iter().any(between)
}

/// A node that wakes up past its leases finishes nothing that it had begun, and begins nothing that it had in hand: what it
/// claims again is not what others have brought to an end.
fn after_lease(evidence: &Evidence) -> impl Iterator<Item = Violation> {
    evidence.frozen.iter().flat_map(|frozen| {
        let stale = |dot: &&Taken| dot.begun_at < frozen.until || frozen.ended.contains(&dot.delivery);
        let late = evidence
            .dots()
            .filter(|dot| dot.node == frozen.node && dot.dot_at >= frozen.until)
            .filter(stale);
        late.map(|copy| Violation::AfterLease {
            delivery: copy.delivery.clone(),
            node: copy.node.clone(),
        })
    })
}

/// The metric says what the ledger says, where the metric can be had.
fn miscounted(evidence: &Evidence) -> Option<Violation> {
    let (counted, repeats) = (evidence.counted?, repeats(evidence));
    (counted != repeats).then_some(Violation::Miscounted { counted, repeats })
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
