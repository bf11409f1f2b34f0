//! Whose turn it is: deficit round robin over the tenants that have mail due in one lane.
//!
//! Every delivery costs one slot. A tenant's turn is as many slots as its weight; what is left of a turn when a claim is full
//! is its to use first next time. So a tenant with a million queued messages and one with a single message each get the
//! next slot. (Shreedhar and Varghese, "Efficient Fair Queuing Using Deficit Round-Robin", 1995.)

use std::collections::{HashSet, VecDeque};

use uuid::Uuid;

/// A tenant's place in the round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) tenant: Uuid,
    weight: u32,
    /// Slots left of the present turn; none: the turn has yet to begin.
    credit: u32,
}

/// A tenant that may take so many slots now. It is out of the round until it is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) turn: Turn,
    pub(super) slots: usize,
}

/// The round of one lane.
#[derive(Debug, Default)]
pub(super) struct Turns {
    order: VecDeque<Turn>,
    present: HashSet<Uuid>,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Lets a tenant join at the end of the round; one that is in it keeps its place.
    pub(super) fn join(&mut self, tenant: Uuid, weight: u32) {
        if self.present.insert(tenant) {
            self.order.push_back(Turn {
                tenant,
                weight: weight.max(1),
                credit: 0,
            });
        }
    }

    /// Shares `most` slots among those whose turn it is.
    pub(super) fn draw(&mut self, most: usize) -> Vec<Drawn> {
        let mut left = most;
        let mut drawn: Vec<Drawn> = Vec::new();
        while left > 0
            && let Some(turn) = self.order.pop_front()
        {
            self.present.remove(&turn.tenant);
            drawn.push(Drawn { turn, slots: 0 });
            if let Some(last) = drawn.last_mut() {
                left -= last.take(left);
            }
        }
        // Fewer tenants than slots: the round goes on among them.
        while left > 0 && !drawn.is_empty() {
            for tenant in &mut drawn {
                left -= tenant.take(left);
            }
        }
        drawn
    }

    /// Takes a tenant back that used all it was given: first in the round while it has slots left of its turn, else last.
    pub(super) fn put_back(&mut self, turn: Turn) {
        if self.present.insert(turn.tenant) {
            if turn.credit > 0 {
                self.order.push_front(turn);
            } else {
                self.order.push_back(turn);
            }
        }
    }

    /// Forgets everybody; who has mail due joins again when it is looked for.
    pub(super) fn clear(&mut self) {
        self.order.clear();
        self.present.clear();
    }
}

impl Drawn {
    /// Uses up to `left` slots of this tenant's turn.
    fn take(&mut self, left: usize) -> usize {
        if self.turn.credit == 0 {
            self.turn.credit = self.turn.weight;
        }
        let taken = self.turn.credit.min(u32::try_from(left).unwrap_or(u32::MAX));
        self.turn.credit -= taken;
        let taken = usize::try_from(taken).unwrap_or(left);
        self.slots += taken;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn slots(drawn: &[Drawn]) -> Vec<(u128, usize)> {
        drawn
            .iter()
            .map(|drawn| (drawn.turn.tenant.as_u128(), drawn.slots))
            .collect()
    }

    /// Draws, and puts everybody back as one who has more.
    fn round(turns: &mut Turns, most: usize) -> Vec<(u128, usize)> {
        let drawn = turns.draw(most);
        for drawn in &drawn {
            turns.put_back(drawn.turn);
        }
        slots(&drawn)
    }

    #[test]
    fn one_alone_gets_everything() {
        let mut turns = Turns::default();
        turns.join(tenant(1), 1);
        assert_eq!(round(&mut turns, 64), [(1, 64)]);
    }

    #[test]
    fn slot_by_slot_everybody_comes_next() {
        let mut turns = Turns::default();
        for n in 1..=3 {
            turns.join(tenant(n), 1);
        }
        let order: Vec<u128> = (0..6).flat_map(|_| round(&mut turns, 1)).map(|(n, _)| n).collect();
        assert_eq!(order, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn a_weight_is_a_longer_turn_also_across_claims() {
        let mut turns = Turns::default();
        turns.join(tenant(1), 3);
        turns.join(tenant(2), 1);
        let order: Vec<u128> = (0..8).flat_map(|_| round(&mut turns, 1)).map(|(n, _)| n).collect();
        assert_eq!(order, [1, 1, 1, 2, 1, 1, 1, 2]);
        assert_eq!(round(&mut turns, 8), [(1, 6), (2, 2)]);
    }

    #[test]
    fn who_joins_late_waits_one_round_at_most_and_who_is_drawn_is_out() {
        let mut turns = Turns::default();
        turns.join(tenant(1), 1);
        turns.join(tenant(1), 1);
        let drawn = turns.draw(2);
        assert_eq!(slots(&drawn), [(1, 2)]);
        assert!(turns.is_empty());
        turns.join(tenant(2), 1);
        turns.put_back(drawn[0].turn);
        assert_eq!(round(&mut turns, 1), [(2, 1)]);
        turns.clear();
        assert!(turns.draw(1).is_empty());
    }
}
