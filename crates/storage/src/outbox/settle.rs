//! The end of attempts: the truth into each attempt's own row, and the next state into what the lease still holds.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::{
    message::{
        EventType, HeldBy,
        kind::{Kind, Lane},
        state::DeliveryStatus,
    },
    outbox::{AttemptReport, Lease, Outcome, Settlement},
    preferences::OnOutcomeUnknown,
};
use sea_orm::{DatabaseTransaction, FromQueryResult};
use uuid::Uuid;

use super::{
    attempts::{self, Ended},
    mark::with_leases,
    millis,
    rows::{Sql, Type, pieces},
};
use crate::{Store, error::StoreError, tenant::ON_OUTCOME_UNKNOWN};

/// A code of unknown outcome is sent again only while it still helps: more than two minutes of life.
const CODE_LIFE_LEFT_MS: i64 = 120_000;

/// What decides how an outcome changes a delivery.
#[derive(Debug, FromQueryResult)]
pub(super) struct Standing {
    pub(super) message_id: Uuid,
    pub(super) kind: String,
    pub(super) expires_at: i64,
    pub(super) attempts: i64,
    pub(super) unknowns: i64,
    pub(super) on_outcome_unknown: Option<String>,
}

/// A delivery's next state.
#[derive(Debug, Default)]
struct Next {
    status: Option<DeliveryStatus>,
    due_at: Option<i64>,
    attempts: i64,
    unknowns: i64,
    held_by: Option<HeldBy>,
    error: Option<String>,
    event: Option<EventType>,
}

/// A delivery that a settlement may change.
#[derive(Debug, FromQueryResult)]
struct Found {
    tenant_id: Uuid,
    id: Uuid,
    status: String,
    #[sea_orm(nested)]
    standing: Standing,
}

/// A settlement with what it makes of its delivery.
struct Change<'a> {
    settlement: &'a Settlement,
    next: Next,
}

impl Store {
    /// Settles, and writes the truth down also where the lease was lost. Returns the leases that were.
    pub(super) async fn settle_all(
        &self,
        transaction: &DatabaseTransaction,
        settlements: &[&Settlement],
        (unknown_delay, now): (Duration, i64),
    ) -> Result<HashSet<Lease>, StoreError> {
        let (well, ill): (Vec<&Settlement>, Vec<&Settlement>) = settlements
            .iter()
            .partition(|settlement| settlement.outcome == Outcome::Sent);
        let settlements = if sent(transaction, &well, now).await? {
            erase_codes(transaction, well.iter().copied()).await?;
            self.inner.lately.sent(well.len());
            &ill
        } else {
            settlements
        };
        let changes = self.changes(transaction, settlements, unknown_delay, now).await?;
        write(transaction, &changes, now).await?;
        attempts::insert(transaction, &ended(settlements, &changes, now)).await?;
        let finished = |change: &&Change<'_>| change.next.status.is_some_and(DeliveryStatus::is_final);
        erase_codes(
            transaction,
            changes.iter().filter(finished).map(|change| change.settlement),
        )
        .await?;
        let is_sent = |change: &&Change<'_>| change.next.event == Some(EventType::Sent);
        self.inner.lately.sent(changes.iter().filter(is_sent).count());
        let held: HashSet<_> = changes.iter().map(|change| change.settlement.lease).collect();
        let fenced = settlements.iter().map(|settlement| settlement.lease);
        Ok(fenced.filter(|lease| !held.contains(lease)).collect())
    }

    /// What the settlements change, as far as their leases still hold. A late acceptance also counts for a delivery whose
    /// outcome was thought unknown.
    async fn changes<'a>(
        &self,
        transaction: &DatabaseTransaction,
        settlements: &[&'a Settlement],
        unknown_delay: Duration,
        now: i64,
    ) -> Result<Vec<Change<'a>>, StoreError> {
        let leases: Vec<_> = settlements.iter().map(|settlement| settlement.lease).collect();
        let mut found: HashMap<(Uuid, Uuid), Found> = HashMap::new();
        for piece in pieces(transaction, &leases) {
            let sql = with_leases(transaction, piece)
                .text("SELECT deliveries.tenant_id, deliveries.id, status, deliveries.message_id, kind, expires_at, attempts, unknowns, ")
                .text(ON_OUTCOME_UNKNOWN)
                .text(" FROM v JOIN deliveries ON deliveries.tenant_id = v.tenant_id AND deliveries.message_id = v.message_id AND deliveries.id = v.id ")
                .text("AND deliveries.lease_epoch = v.epoch ")
                .text("WHERE status IN ('sending', 'outcome_unknown') OR status = 'sent' AND updated_at = ")
                .value(now, Type::Int)
                .postgres(" ORDER BY deliveries.tenant_id, deliveries.id FOR NO KEY UPDATE OF deliveries");
            let rows: Vec<Found> = sql.all(transaction).await?;
            found.extend(rows.into_iter().map(|row| ((row.tenant_id, row.id), row)));
        }
        let mut changes = Vec::with_capacity(settlements.len());
        for settlement in settlements {
            // Taken out, so that one delivery is settled once.
            let key = (settlement.lease.tenant.uuid(), settlement.lease.delivery.uuid());
            let Some(row) = found.remove(&key) else {
                continue;
            };
            // One that is sent already was written by this very transaction, before it found that others were lost.
            let held = row.status == DeliveryStatus::Sending.as_str() || settlement.outcome == Outcome::Sent;
            if !held {
                continue;
            }
            let mut next = next(&settlement.outcome, &row.standing, now, unknown_delay);
            next.error = settlement
                .report
                .as_ref()
                .and_then(|report| described(&settlement.outcome, report));
            changes.push(Change { settlement, next });
        }
        Ok(changes)
    }
}

/// Settles what was sent, which is nearly everything, in one statement; the delivery itself says by which attempt. False
/// where some lease no longer holds, or the delivery was sent before: then each is looked at.
async fn sent(transaction: &DatabaseTransaction, settlements: &[&Settlement], now: i64) -> Result<bool, StoreError> {
    const TYPES: [Type; 5] = [Type::Uuid, Type::Uuid, Type::Uuid, Type::Int, Type::Text];
    let mut count = 0;
    for piece in pieces(transaction, settlements) {
        let sql = Sql::new(transaction)
            .text("WITH v(tenant_id, message_id, id, epoch, sent_by) AS (")
            .rows(piece, TYPES, |settlement| {
                let lease = settlement.lease;
                [
                    lease.tenant.uuid().into(),
                    lease.message.uuid().into(),
                    lease.delivery.uuid().into(),
                    lease.epoch.into(),
                    Ended::of(settlement, Some(EventType::Sent), now).to_text().into(),
                ]
            })
            .text(") UPDATE deliveries SET status = 'sent', due_at = NULL, held_by = NULL, last_error = NULL, lease_until = NULL, ")
            .text("lease_node = NULL, dot_at = NULL, sent_by = v.sent_by, updated_at = ")
            .value(now, Type::Int)
            .text(" FROM v WHERE deliveries.tenant_id = v.tenant_id AND deliveries.message_id = v.message_id ")
            .text("AND deliveries.id = v.id AND deliveries.lease_epoch = v.epoch ")
            .text("AND deliveries.status = 'sending' AND deliveries.sent_by IS NULL");
        count += sql.run(transaction).await?.rows_affected();
    }
    Ok(count == u64::try_from(settlements.len()).unwrap_or(u64::MAX))
}

/// Codes have no use once they are final.
async fn erase_codes(
    transaction: &DatabaseTransaction,
    settlements: impl Iterator<Item = &Settlement>,
) -> Result<(), StoreError> {
    let finished: Vec<_> = settlements
        .filter(|settlement| settlement.lane == Lane::Urgent)
        .map(|settlement| (settlement.lease.tenant.uuid(), settlement.message.uuid()))
        .collect();
    super::erase_finished_codes(transaction, &finished).await
}

/// Writes the next states.
async fn write(transaction: &DatabaseTransaction, changes: &[Change<'_>], now: i64) -> Result<(), StoreError> {
    const TYPES: [Type; 10] = [
        Type::Uuid,
        Type::Uuid,
        Type::Uuid,
        Type::Int,
        Type::Text,
        Type::MaybeInt,
        Type::Int,
        Type::Int,
        Type::MaybeText,
        Type::MaybeText,
    ];
    for piece in pieces(transaction, changes) {
        Sql::new(transaction)
            .text("WITH v(tenant_id, message_id, id, epoch, status, due_at, attempts, unknowns, held_by, last_error) AS (")
            .rows(piece, TYPES, |change| {
                let (lease, next) = (change.settlement.lease, &change.next);
                [
                    lease.tenant.uuid().into(),
                    lease.message.uuid().into(),
                    lease.delivery.uuid().into(),
                    lease.epoch.into(),
                    next.status.unwrap_or(DeliveryStatus::Queued).as_str().into(),
                    next.due_at.into(),
                    next.attempts.into(),
                    next.unknowns.into(),
                    next.held_by.map(HeldBy::as_str).into(),
                    next.error.clone().into(),
                ]
            })
            .text(") UPDATE deliveries SET status = v.status, due_at = v.due_at, attempts = v.attempts, unknowns = v.unknowns, ")
            .text("held_by = v.held_by, last_error = v.last_error, lease_until = NULL, lease_node = NULL, dot_at = NULL, updated_at = ")
            .value(now, Type::Int)
            .text(" FROM v WHERE deliveries.tenant_id = v.tenant_id AND deliveries.message_id = v.message_id AND deliveries.id = v.id AND deliveries.lease_epoch = v.epoch")
            .run(transaction)
            .await?;
    }
    Ok(())
}

/// The attempts that ended: of those whose lease was lost only the truth is known, of those that were given back nothing.
fn ended<'a>(settlements: &[&'a Settlement], changes: &[Change<'a>], now: i64) -> Vec<Ended> {
    let next: HashMap<_, _> = changes
        .iter()
        .map(|change| (change.settlement.lease, &change.next))
        .collect();
    let row = |settlement: &&'a Settlement| {
        let next = next.get(&settlement.lease);
        let event = next.and_then(|next| next.event);
        let tried = settlement.report.is_some() && !put_back(&settlement.outcome);
        (tried || event.is_some()).then(|| {
            let mut ended = Ended::of(settlement, event, now);
            if let Some(next) = next {
                ended.add(next.due_at, next.held_by);
            }
            ended
        })
    };
    settlements.iter().filter_map(row).collect()
}

/// Whether nothing was tried after all.
const fn put_back(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Released => true,
        Outcome::Held { by, .. } => !matches!(by, HeldBy::Configuration),
        Outcome::Sent | Outcome::Bounced { .. } | Outcome::Deferred { .. } | Outcome::Unknown => false,
    }
}

fn next(outcome: &Outcome, standing: &Standing, now: i64, unknown_delay: Duration) -> Next {
    let after = |delay: &Duration| now.saturating_add(millis(*delay));
    let kept = Next {
        attempts: standing.attempts,
        unknowns: standing.unknowns,
        ..Next::default()
    };
    match outcome {
        Outcome::Sent => Next {
            status: Some(DeliveryStatus::Sent),
            event: Some(EventType::Sent),
            ..kept
        },
        Outcome::Bounced { .. } => Next {
            status: Some(DeliveryStatus::Bounced),
            event: Some(EventType::Bounced),
            ..kept
        },
        Outcome::Deferred { retry_in } => Next {
            status: Some(DeliveryStatus::Deferred),
            due_at: Some(after(retry_in)),
            event: Some(EventType::Deferred),
            ..kept
        },
        Outcome::Held { by, retry_in } => Next {
            status: Some(DeliveryStatus::Queued),
            due_at: Some(after(retry_in)),
            held_by: Some(*by),
            // A server that was not asked has not been tried.
            attempts: match by {
                HeldBy::ServerUnavailable => standing.attempts.saturating_sub(1).max(0),
                HeldBy::RelayPaused | HeldBy::NoRoute | HeldBy::TenantSuspended | HeldBy::Configuration => {
                    standing.attempts
                }
            },
            event: (*by == HeldBy::Configuration).then_some(EventType::Deferred),
            ..kept
        },
        Outcome::Unknown => Next {
            status: Some(DeliveryStatus::OutcomeUnknown),
            due_at: resend_at(standing, now, unknown_delay),
            unknowns: standing.unknowns + 1,
            event: Some(EventType::OutcomeUnknown),
            ..kept
        },
        Outcome::Released => Next {
            status: Some(DeliveryStatus::Queued),
            due_at: Some(now),
            attempts: standing.attempts.saturating_sub(1).max(0),
            ..kept
        },
    }
}

/// When a delivery of unknown outcome goes again, if it does: a code while it still helps, an access request once, all else
/// once if the tenant has not chosen to hold it.
pub(super) fn resend_at(standing: &Standing, now: i64, unknown_delay: Duration) -> Option<i64> {
    let code = standing.kind == Kind::TwoFactorCode.as_str();
    if code {
        return (standing.expires_at - now > CODE_LIFE_LEFT_MS).then_some(now);
    }
    if standing.unknowns > 0 {
        return None;
    }
    let hold = standing.on_outcome_unknown.as_deref() == Some(OnOutcomeUnknown::Hold.as_str());
    let delay = match (standing.kind == Kind::AccessRequest.as_str(), hold) {
        (true, _) => Duration::ZERO,
        (false, false) => unknown_delay,
        (false, true) => return None,
    };
    Some(now.saturating_add(millis(delay)))
}

/// The reply or failure in one line, for lists.
fn described(outcome: &Outcome, report: &AttemptReport) -> Option<String> {
    if *outcome == Outcome::Sent {
        return None;
    }
    match (&report.reply, &report.error) {
        (Some(reply), _) => {
            let enhanced = reply.enhanced.map(|code| format!(" {code}")).unwrap_or_default();
            Some(format!(
                "{}: {}{enhanced} {}",
                report.stage.as_str(),
                reply.code,
                reply.text
            ))
        }
        (None, Some(error)) => Some(format!("{}: {error}", report.stage.as_str())),
        (None, None) => None,
    }
}
