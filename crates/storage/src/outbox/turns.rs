//! Whose turn it is: deficit round robin over the tenants that have mail due in one lane.
//!
//! Every delivery costs one slot. A tenant's turn is as many slots as its weight; what is left of a turn when a claim is full
//! is its to use first next time. So a tenant with a million queued messages and one with a single message each get the
//! next slot. (Shreedhar and Varghese, "Efficient Fair Queuing Using Deficit Round-Robin", 1995.)
//! Whoever there is no room for now, since the next server rests or is busy, keeps its place and is passed over.

use std::collections::{HashSet, VecDeque};

use domain::{ids::TenantId, outbox::Room, tenant::Edition};
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
    pub(super) edition: Edition,
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

    /// Shares the slots there is room for among those whose turn it is.
    pub(super) fn draw(&mut self, mut room: Room, edition: impl Fn(Uuid) -> Edition) -> Vec<Drawn> {
        let mut passed_over = Vec::new();
        let mut drawn: Vec<Drawn> = Vec::new();
        while room.most > 0
            && let Some(turn) = self.order.pop_front()
        {
            let mut next = Drawn {
                turn,
                slots: 0,
                edition: edition(turn.tenant),
            };
            if next.take(&mut room) == 0 {
                passed_over.push(turn);
            } else {
                self.present.remove(&turn.tenant);
                drawn.push(next);
            }
        }
        for turn in passed_over.into_iter().rev() {
            self.order.push_front(turn);
        }
        while drawn.iter_mut().map(|tenant| tenant.take(&mut room)).sum::<usize>() > 0 {}
        drawn
    }

    /// Whether there is room for somebody.
    pub(super) fn has_for(&self, room: &Room, edition: impl Fn(Uuid) -> Edition) -> bool {
        let fits = |turn: &Turn| room.of_tenant(TenantId::new(turn.tenant), edition(turn.tenant)) > 0;
        self.order.iter().any(fits)
    }

    /// Forgets the tenants of an edition; who has mail due joins again when it is looked for.
    pub(super) fn forget(&mut self, edition: impl Fn(Uuid) -> Edition, forgotten: Edition) {
        self.order.retain(|turn| edition(turn.tenant) != forgotten);
        self.present = self.order.iter().map(|turn| turn.tenant).collect();
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
    /// Uses slots of this tenant's turn, as far as there is room.
    fn take(&mut self, room: &mut Room) -> usize {
        let tenant = TenantId::new(self.turn.tenant);
        let fits = u32::try_from(room.of_tenant(tenant, self.edition)).unwrap_or(u32::MAX);
        if fits == 0 {
            return 0;
        }
        if self.turn.credit == 0 {
            self.turn.credit = self.turn.weight;
        }
        let taken = self.turn.credit.min(fits);
        self.turn.credit -= taken;
        let taken = usize::try_from(taken).unwrap_or(usize::MAX);
        room.take(tenant, self.edition, taken);
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
        let drawn = turns.draw(Room::of(most), |_| Edition::Cloud);
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
        let drawn = turns.draw(Room::of(2), |_| Edition::Cloud);
        assert_eq!(slots(&drawn), [(1, 2)]);
        assert!(turns.is_empty());
        turns.join(tenant(2), 1);
        turns.put_back(drawn[0].turn);
        assert_eq!(round(&mut turns, 1), [(2, 1)]);
        turns.clear();
        assert!(turns.draw(Room::of(1), |_| Edition::Cloud).is_empty());
    }

    #[test]
    fn who_there_is_no_room_for_keeps_its_place_and_costs_nobody_a_slot() {
        let mut turns = Turns::default();
        for n in 1..=4 {
            turns.join(tenant(n), 1);
        }
        // 3 sends by the shared relay, the others by their own servers, of which that of 1 rests.
        let edition = |id| {
            if id == tenant(3) {
                Edition::Cloud
            } else {
                Edition::OnPremises
            }
        };
        let room = Room {
            own: 2,
            less: [(TenantId::new(tenant(1)), 0)].into(),
            ..Room::of(8)
        };
        assert_eq!(slots(&turns.draw(room.clone(), edition)), [(2, 2), (3, 4), (4, 2)]);
        assert!(!turns.has_for(&room, edition));
        assert!(turns.has_for(&Room::of(1), edition));

        turns.join(tenant(2), 1);
        turns.join(tenant(3), 1);
        let shared_rests = Room {
            shared: 0,
            ..Room::of(3)
        };
        assert_eq!(slots(&turns.draw(shared_rests, edition)), [(1, 2), (2, 1)]);
        assert_eq!(round(&mut turns, 1), [(3, 1)]);
    }

    #[test]
    fn one_edition_can_be_forgotten() {
        let mut turns = Turns::default();
        turns.join(tenant(1), 1);
        turns.join(tenant(2), 1);
        let edition = |id| {
            if id == tenant(1) {
                Edition::Cloud
            } else {
                Edition::OnPremises
            }
        };
        turns.forget(edition, Edition::Cloud);
        turns.join(tenant(1), 1);
        assert_eq!(round(&mut turns, 2), [(2, 1), (1, 1)]);
    }
}
