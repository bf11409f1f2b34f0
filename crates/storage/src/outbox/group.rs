//! A group: many operations in one transaction, each kind in a few statements over many rows.

use std::collections::HashSet;

use domain::{
    ids::TenantId,
    message::{kind::Lane, state::DeliveryStatus},
    outbox::{Fence, LEASE, Lease, Room, Settled, Settlement},
    tenant::Edition,
};
use sea_orm::{DatabaseTransaction, FromQueryResult};

use super::{
    claim::Claimed,
    context::Standing,
    crash, insert,
    lanes::Wanted,
    limits, millis,
    rows::{Now, Sql, Type, pieces},
    submit::{PreparedMessage, Submission, Submitted},
    writer::{Claim, Done, Operation},
};
use crate::{Store, error::StoreError};

/// What a committed group came to.
pub(super) struct Committed {
    /// An answer for each operation, in their order.
    pub(super) done: Vec<Done>,
    /// What is to be handed over.
    pub(super) handed: Vec<(Wanted, Vec<Claimed>)>,
    /// Mail that waits now.
    pub(super) joined: Vec<(Lane, uuid::Uuid)>,
}

/// One of a group's tenants, and the instant at which it was there.
#[derive(Debug, FromQueryResult)]
struct There {
    id: uuid::Uuid,
    suspended_at: Option<i64>,
    now: i64,
}

impl There {
    fn standing(&self) -> Standing {
        self.suspended_at.map_or(Standing::Active, |_| Standing::Suspended)
    }
}

/// What a group begins with.
struct Opening {
    /// Its instant, by the database's clock.
    now: i64,
    /// Those of its tenants whose mail must wait.
    suspended: HashSet<uuid::Uuid>,
}

/// Mail on its way to a worker of this process.
struct HandOff {
    lane: Lane,
    wanted: Wanted,
    claimed: Vec<Claimed>,
}

impl Store {
    /// Applies and commits a group. What is no longer this transaction's business (answers, hand-offs) is returned.
    pub(super) async fn commit(&self, group: &[Operation]) -> Result<Committed, StoreError> {
        if let Some(done) = self.marks_alone(group).await? {
            return Ok(Committed {
                done,
                handed: Vec::new(),
                joined: Vec::new(),
            });
        }
        let mut hand_offs = self.hand_offs(group);
        match self.apply(group, &mut hand_offs).await {
            Ok((done, joined)) => Ok(Committed {
                done,
                handed: hand_offs.into_iter().map(|off| (off.wanted, off.claimed)).collect(),
                joined,
            }),
            Err(error) => {
                // What was drawn is looked for again; who waited for a hand-off claims.
                drop(hand_offs);
                self.look_around();
                Err(error)
            }
        }
    }

    /// A group of marks and nothing else, where every mark is to be had.
    async fn marks_alone(&self, group: &[Operation]) -> Result<Option<Vec<Done>>, StoreError> {
        let lease = |operation: &Operation| match operation {
            Operation::Mark { lease, .. } => Some(*lease),
            Operation::Submit { .. } | Operation::Claim(_) | Operation::Unmark { .. } | Operation::Settle { .. } => {
                None
            }
        };
        let Some(leases) = group.iter().map(lease).collect::<Option<Vec<Lease>>>() else {
            return Ok(None);
        };
        crash::before_commit(group);
        if !self.mark_alone(&leases).await? {
            return Ok(None);
        }
        crash::after_commit(group);
        Ok(Some(leases.iter().map(|_| Done::Marked(Fence::Open)).collect()))
    }

    /// The workers that this group's mail may be handed to.
    fn hand_offs(&self, group: &[Operation]) -> Vec<HandOff> {
        let carries = |lane: Lane| {
            group.iter().any(|operation| match operation {
                Operation::Submit { submission, .. } => submission
                    .messages
                    .iter()
                    .any(|message| message.lane == lane && message.carried.is_some()),
                Operation::Claim(_) | Operation::Mark { .. } | Operation::Unmark { .. } | Operation::Settle { .. } => {
                    false
                }
            })
        };
        Lane::ALL
            .into_iter()
            .filter(|lane| carries(*lane))
            .filter_map(|lane| {
                let wanted = self.inner.lanes.take_wanted(lane)?;
                Some(HandOff {
                    lane,
                    wanted,
                    claimed: Vec::new(),
                })
            })
            .collect()
    }

    async fn apply(
        &self,
        group: &[Operation],
        hand_offs: &mut [HandOff],
    ) -> Result<(Vec<Done>, Vec<(Lane, uuid::Uuid)>), StoreError> {
        let transaction = self.inner.backend.begin_group().await?;
        let opening = self.opening(&transaction, group).await?;
        let now = opening.now;
        let mut fences = self.marks(&transaction, group, now).await?.into_iter();
        let mut settled = self.settlements(&transaction, group, now).await?.into_iter();
        let (submitted, joined) = self.submissions(&transaction, group, hand_offs, &opening).await?;
        let mut submitted = submitted.into_iter();
        let mut done = Vec::with_capacity(group.len());
        for operation in group {
            done.push(match operation {
                Operation::Submit { .. } => submitted.next().map(Done::Submitted),
                Operation::Mark { .. } => fences.next().map(Done::Marked),
                Operation::Settle { .. } => settled.next().map(Done::Settled),
                Operation::Unmark { .. } => Some(Done::Unmarked),
                Operation::Claim(claim) => Some(Done::Claimed(self.claim(&transaction, claim, now).await?)),
            });
        }
        crash::before_commit(group);
        transaction.commit().await?;
        crash::after_commit(group);
        let done = done.into_iter().collect::<Option<Vec<Done>>>();
        Ok((done.ok_or(StoreError::Busy)?, joined))
    }

    /// Marks, then takes back: who was no longer waiting for a mark may find both in one group.
    async fn marks(
        &self,
        transaction: &DatabaseTransaction,
        group: &[Operation],
        now: i64,
    ) -> Result<Vec<Fence>, StoreError> {
        let (mut marks, mut unmarks): (Vec<Lease>, Vec<Lease>) = (Vec::new(), Vec::new());
        for operation in group {
            match operation {
                Operation::Mark { lease, .. } => {
                    // Whoever took a mark back and then asked for one wants it.
                    unmarks.retain(|unmarked| unmarked != lease);
                    marks.push(*lease);
                }
                Operation::Unmark { lease, .. } => unmarks.push(*lease),
                Operation::Submit { .. } | Operation::Claim(_) | Operation::Settle { .. } => {}
            }
        }
        let fences = self.mark_all(transaction, &marks, now).await?;
        self.unmark_all(transaction, &unmarks).await?;
        Ok(fences)
    }

    async fn settlements(
        &self,
        transaction: &DatabaseTransaction,
        group: &[Operation],
        now: i64,
    ) -> Result<Vec<Settled>, StoreError> {
        let mut settlements = Vec::new();
        let mut unknown_delay = std::time::Duration::ZERO;
        for operation in group {
            if let Operation::Settle { settlement, delay, .. } = operation {
                settlements.push(&**settlement);
                unknown_delay = *delay;
            }
        }
        if settlements.is_empty() {
            return Ok(Vec::new());
        }
        let fenced = self.settle_all(transaction, &settlements, (unknown_delay, now)).await?;
        let settled = |settlement: &&Settlement| {
            if fenced.contains(&settlement.lease) {
                Settled::Fenced
            } else {
                Settled::Yes
            }
        };
        Ok(settlements.iter().map(settled).collect())
    }

    async fn submissions(
        &self,
        transaction: &DatabaseTransaction,
        group: &[Operation],
        hand_offs: &mut [HandOff],
        opening: &Opening,
    ) -> Result<(Vec<Submitted>, Vec<(Lane, uuid::Uuid)>), StoreError> {
        let now = opening.now;
        let submissions: Vec<&Submission> = group
            .iter()
            .filter_map(|operation| match operation {
                Operation::Submit { submission, .. } => Some(&**submission),
                Operation::Claim(_) | Operation::Mark { .. } | Operation::Unmark { .. } | Operation::Settle { .. } => {
                    None
                }
            })
            .collect();
        if submissions.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let keys: Vec<_> = submissions.iter().map(|submission| submission.key.as_ref()).collect();
        let mut answers = insert::take_keys(transaction, &keys, now).await?;
        count_days(transaction, &submissions, &mut answers, now).await?;
        let fresh: Vec<(Edition, &PreparedMessage)> = submissions
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_none())
            .flat_map(|(submission, _)| submission.messages.iter().map(|message| (submission.edition, message)))
            .collect();
        if !hand_offs.is_empty() {
            let open = self.open_ways(transaction).await?;
            for off in hand_offs.iter_mut() {
                off.wanted.room = open.bound(std::mem::replace(&mut off.wanted.room, Room::of(0)));
            }
        }
        let mut joined = Vec::new();
        let mut leased: Vec<PreparedMessage> = Vec::new();
        let mut plain: Vec<Option<&PreparedMessage>> = Vec::new();
        for (edition, message) in fresh {
            let (tenant, count) = (TenantId::new(message.message.tenant_id), message.deliveries.len());
            let off = hand_offs
                .iter_mut()
                .find(|off| off.lane == message.lane)
                .filter(|_| !opening.suspended.contains(&tenant.uuid()))
                .filter(|off| off.wanted.room.of_tenant(tenant, edition) >= count);
            if let (Some(off), Some(_)) = (off, &message.carried) {
                off.wanted.room.take(tenant, edition, count);
                leased.push(lease(message, off, now));
                plain.push(None);
            } else {
                joined.push((message.lane, message.message.tenant_id));
                if let Some(carried) = &message.carried {
                    self.inner
                        .remembered
                        .keep((message.message.tenant_id, message.message.id), carried);
                }
                plain.push(Some(message));
            }
        }
        let mut leased_now = leased.iter();
        let all: Vec<&PreparedMessage> = plain
            .into_iter()
            .filter_map(|message| message.or_else(|| leased_now.next()))
            .collect();
        self.insert_messages(transaction, &all, now).await?;
        joined.sort_unstable_by_key(|(lane, tenant)| (lane.rank(), *tenant));
        joined.dedup();
        let stored = |answer: Option<Submitted>| answer.unwrap_or(Submitted::Stored);
        Ok((answers.into_iter().map(stored).collect(), joined))
    }

    /// Sees to it that no tenant that submits goes before this transaction's end, since no foreign key does, and finds out
    /// whose mail must not be handed over.
    async fn opening(&self, transaction: &DatabaseTransaction, group: &[Operation]) -> Result<Opening, StoreError> {
        let tenants = submitting(group);
        if tenants.is_empty() {
            let now = self.database_now(transaction).await?;
            return Ok(Opening {
                now,
                suspended: HashSet::new(),
            });
        }
        if self.is_shared() {
            return self.opening_among_others(transaction, &tenants).await;
        }
        let (unseen, mut suspended) = self.inner.kept.seen_of(&tenants);
        for piece in pieces(transaction, &unseen) {
            let there: Vec<There> = Sql::new(transaction)
                .text("SELECT id, suspended_at, 0 AS now FROM tenants WHERE id IN (")
                .rows(piece, [Type::Uuid], |tenant| [(*tenant).into()])
                .text(")")
                .all(transaction)
                .await?;
            expect(&there, piece.len())?;
            self.inner.kept.saw(there.iter().map(|row| (row.id, row.standing())));
            suspended.extend(suspended_of(&there));
        }
        Ok(Opening {
            now: self.now_ms(),
            suspended,
        })
    }

    /// The same where others may delete a tenant at any moment: their rows are locked, in one order for all.
    async fn opening_among_others(
        &self,
        transaction: &DatabaseTransaction,
        tenants: &[uuid::Uuid],
    ) -> Result<Opening, StoreError> {
        let shift = self.inner.clock.shift().num_milliseconds();
        let there: Vec<There> = Sql::new(transaction)
            .text("SELECT id, suspended_at, ")
            .instant(Now::Running { shift })
            .text(" AS now FROM tenants WHERE id IN (")
            .rows(tenants, [Type::Uuid], |tenant| [(*tenant).into()])
            .text(") ORDER BY id FOR KEY SHARE")
            .all(transaction)
            .await?;
        expect(&there, tenants.len())?;
        Ok(Opening {
            now: there.iter().map(|row| row.now).max().unwrap_or_default(),
            suspended: suspended_of(&there).collect(),
        })
    }

    async fn claim(
        &self,
        transaction: &DatabaseTransaction,
        claim: &Claim,
        now: i64,
    ) -> Result<Vec<Claimed>, StoreError> {
        let open = self.open_ways(transaction).await?;
        match open {
            Ways::All => {}
            Ways::Own => self.inner.lanes.forget_shared(claim.lane),
            Ways::None => {
                self.inner.lanes.clear(claim.lane);
                return Ok(Vec::new());
            }
        }
        self.claim_lane(transaction, claim, open.bound(claim.room.clone()), now)
            .await
    }

    /// What can be sent by. Until this transaction's end nobody can pause the relay or a route.
    async fn open_ways(&self, transaction: &DatabaseTransaction) -> Result<Ways, StoreError> {
        let Some(version) = crate::provider::version_unless_paused(transaction).await? else {
            return Ok(Ways::None);
        };
        let routes = self.routes_of(transaction, version).await?;
        Ok(if routes.is_empty() { Ways::Own } else { Ways::All })
    }
}

/// The ways out that are open.
#[derive(Debug, Clone, Copy)]
enum Ways {
    /// None: the relay is paused.
    None,
    /// Only tenants' own connections: the shared relay has no route.
    Own,
    /// All.
    All,
}

impl Ways {
    /// The room that there is, as far as these ways go.
    fn bound(self, room: Room) -> Room {
        match self {
            Self::All => room,
            Self::Own => Room { shared: 0, ..room },
            Self::None => Room::of(0),
        }
    }
}

/// The tenants that submit, each once and in order.
fn submitting(group: &[Operation]) -> Vec<uuid::Uuid> {
    let tenant = |operation: &Operation| match operation {
        Operation::Submit { submission, .. } => Some(submission.tenant),
        Operation::Claim(_) | Operation::Mark { .. } | Operation::Unmark { .. } | Operation::Settle { .. } => None,
    };
    let mut tenants: Vec<_> = group.iter().filter_map(tenant).collect();
    tenants.sort_unstable();
    tenants.dedup();
    tenants
}

/// Fails where one of the tenants is not there.
const fn expect(there: &[There], tenants: usize) -> Result<(), StoreError> {
    if there.len() == tenants {
        Ok(())
    } else {
        Err(StoreError::NotFound("tenant"))
    }
}

fn suspended_of(there: &[There]) -> impl Iterator<Item = uuid::Uuid> + use<'_> {
    let suspended = there.iter().filter(|row| row.standing() == Standing::Suspended);
    suspended.map(|row| row.id)
}

/// Counts what is new towards each tenant's day; what is too much is refused, and its key given back. In the order of the
/// tenants, so that two writers never wait for each other in a circle.
async fn count_days(
    transaction: &DatabaseTransaction,
    submissions: &[&Submission],
    answers: &mut [Option<Submitted>],
    now: i64,
) -> Result<(), StoreError> {
    let mut by_tenant: Vec<_> = submissions.iter().zip(answers).collect();
    by_tenant.sort_by_key(|(submission, _)| submission.tenant);
    for (submission, answer) in by_tenant {
        let Some(limit) = submission.messages_per_day.filter(|_| answer.is_none()) else {
            continue;
        };
        let count = (submission.messages.len(), limit);
        if !limits::count_today(transaction, submission.tenant, count, now).await? {
            *answer = Some(Submitted::DayUsedUp);
            if let Some(key) = &submission.key {
                insert::give_back(transaction, key).await?;
            }
        }
    }
    Ok(())
}

/// The message as it is stored when its deliveries are leased at once.
fn lease(message: &PreparedMessage, off: &mut HandOff, now: i64) -> PreparedMessage {
    let mut leased = message.clone();
    for row in &mut leased.deliveries {
        DeliveryStatus::Sending.as_str().clone_into(&mut row.status);
        row.due_at = None;
        row.attempts = 1;
        row.lease_epoch = 1;
        row.lease_until = Some(now.saturating_add(millis(LEASE)));
        row.lease_node = Some(off.wanted.node.uuid());
        row.updated_at = now;
        off.claimed.push(Claimed {
            tenant_id: row.tenant_id,
            id: row.id,
            message_id: row.message_id,
            recipient: row.recipient.clone(),
            recipient_name: row.recipient_name.clone(),
            message_id_domain: row.message_id_domain.clone(),
            expires_at: row.expires_at,
            attempts: row.attempts,
            unknowns: row.unknowns,
            lease_epoch: row.lease_epoch,
            lane: row.lane,
            carried: message.carried.clone(),
        });
    }
    leased
}
