//! The dot mark and the end of an attempt: conditional updates that carry the lease's epoch.

use std::time::Duration;

use domain::{
    message::{EventType, HeldBy, kind::Kind, state::DeliveryStatus},
    outbox::{AttemptReport, Fence, Lease, Outcome, Settled, Settlement},
    preferences::OnOutcomeUnknown,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{now_sql, statement};
use crate::{Store, entity::event, error::StoreError, tenant::ON_OUTCOME_UNKNOWN};

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

impl Store {
    pub(super) async fn apply_mark(
        &self,
        transaction: &DatabaseTransaction,
        lease: Lease,
    ) -> Result<Fence, StoreError> {
        let now = now_sql(transaction);
        let superseded = "EXISTS (SELECT 1 FROM messages m JOIN messages n ON n.tenant_id = m.tenant_id AND n.kind = m.kind \
                          AND n.supersede_key = m.supersede_key AND n.id > m.id \
                          WHERE m.tenant_id = deliveries.tenant_id AND m.id = deliveries.message_id)";
        let held = "tenant_id = $2 AND id = $3 AND lease_epoch = $4 AND status = 'sending'";
        let values = || {
            [
                self.shift(),
                lease.tenant.uuid().into(),
                lease.delivery.uuid().into(),
                lease.epoch.into(),
            ]
        };
        let mark = format!(
            "UPDATE deliveries SET dot_at = {now} WHERE {held} AND lease_until > {now} AND expires_at > {now} AND NOT {superseded}"
        );
        if transaction
            .execute_raw(statement(transaction, mark, values()))
            .await?
            .rows_affected()
            == 1
        {
            return Ok(Fence::Open);
        }
        let withdraw = format!(
            "UPDATE deliveries SET status = CASE WHEN expires_at <= {now} THEN 'expired' ELSE 'superseded' END, \
             lease_until = NULL, lease_node = NULL, updated_at = {now} \
             WHERE {held} AND lease_until > {now} AND (expires_at <= {now} OR {superseded}) RETURNING message_id, status, updated_at"
        );
        let Some(row) = transaction
            .query_one_raw(statement(transaction, withdraw, values()))
            .await?
        else {
            return Ok(Fence::Lost);
        };
        let (message, status): (Uuid, String) = (row.try_get("", "message_id")?, row.try_get("", "status")?);
        let event_type = if status == DeliveryStatus::Expired.as_str() {
            EventType::Expired
        } else {
            EventType::Superseded
        };
        let of = (lease.tenant.uuid(), message, Some(lease.delivery.uuid()));
        let event = self.event(of, event_type, row.try_get("", "updated_at")?, Map::new());
        event::Entity::insert_many([event])
            .exec_without_returning(transaction)
            .await?;
        super::erase_finished_code(transaction, lease.tenant.uuid(), message).await?;
        Ok(Fence::Withdrawn)
    }

    pub(super) async fn apply_unmark(&self, transaction: &DatabaseTransaction, lease: Lease) -> Result<(), StoreError> {
        let sql = "UPDATE deliveries SET dot_at = NULL WHERE tenant_id = $1 AND id = $2 AND lease_epoch = $3 AND status = 'sending'";
        let values = [
            lease.tenant.uuid().into(),
            lease.delivery.uuid().into(),
            lease.epoch.into(),
        ];
        transaction.execute_raw(statement(transaction, sql, values)).await?;
        Ok(())
    }

    pub(super) async fn apply_settle(
        &self,
        transaction: &DatabaseTransaction,
        settlement: &Settlement,
        unknown_delay: Duration,
    ) -> Result<Settled, StoreError> {
        let now = self.database_now(transaction).await?;
        let lease = settlement.lease;
        if let Some(report) = &settlement.report {
            end_attempt(transaction, settlement, report, now).await?;
        }
        let Some(standing) = self.held(transaction, settlement).await? else {
            return Ok(Settled::Fenced);
        };
        let mut next = next(&settlement.outcome, &standing, now, unknown_delay);
        next.error = settlement
            .report
            .as_ref()
            .and_then(|report| described(&settlement.outcome, report));
        self.write(transaction, lease, &next, now).await?;
        if let Some(event_type) = next.event {
            let detail = event_detail(settlement, &next);
            let of = (lease.tenant.uuid(), standing.message_id, Some(lease.delivery.uuid()));
            event::Entity::insert_many([self.event(of, event_type, now, detail)])
                .exec_without_returning(transaction)
                .await?;
        }
        if next.status.is_some_and(DeliveryStatus::is_final) && standing.kind == Kind::TwoFactorCode.as_str() {
            super::erase_finished_code(transaction, lease.tenant.uuid(), standing.message_id).await?;
        }
        Ok(Settled::Yes)
    }

    /// The delivery, if the lease still holds it. A late acceptance also counts for one whose outcome was thought unknown.
    async fn held(
        &self,
        transaction: &DatabaseTransaction,
        settlement: &Settlement,
    ) -> Result<Option<Standing>, StoreError> {
        let states = match settlement.outcome {
            Outcome::Sent => "('sending', 'outcome_unknown')",
            Outcome::Deferred { .. }
            | Outcome::Bounced { .. }
            | Outcome::Held { .. }
            | Outcome::Unknown
            | Outcome::Released => "('sending')",
        };
        let sql = format!(
            "UPDATE deliveries SET lease_until = NULL WHERE tenant_id = $1 AND id = $2 AND lease_epoch = $3 AND status IN {states} \
             RETURNING message_id, kind, expires_at, attempts, unknowns, {ON_OUTCOME_UNKNOWN}"
        );
        let lease = settlement.lease;
        let values = [
            lease.tenant.uuid().into(),
            lease.delivery.uuid().into(),
            lease.epoch.into(),
        ];
        Ok(Standing::find_by_statement(statement(transaction, sql, values))
            .one(transaction)
            .await?)
    }

    async fn write(
        &self,
        transaction: &DatabaseTransaction,
        lease: Lease,
        next: &Next,
        now: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE deliveries SET status = $4, due_at = $5, attempts = $6, unknowns = $7, held_by = $8, last_error = $9, \
                   updated_at = $10, lease_until = NULL, lease_node = NULL, dot_at = NULL \
                   WHERE tenant_id = $1 AND id = $2 AND lease_epoch = $3";
        let status = next.status.unwrap_or(DeliveryStatus::Queued).as_str();
        let values = [
            lease.tenant.uuid().into(),
            lease.delivery.uuid().into(),
            lease.epoch.into(),
            status.into(),
            next.due_at.into(),
            next.attempts.into(),
            next.unknowns.into(),
            next.held_by.map(HeldBy::as_str).into(),
            next.error.clone().into(),
            now.into(),
        ];
        transaction.execute_raw(statement(transaction, sql, values)).await?;
        Ok(())
    }
}

/// Writes the truth into the attempt's own row, also where the lease was lost.
async fn end_attempt(
    transaction: &DatabaseTransaction,
    settlement: &Settlement,
    report: &AttemptReport,
    now: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE attempts SET ended_at = $4, outcome = $5, route_id = $6, server = $7, stage = $8, reply_code = $9, \
               reply_enhanced = $10, reply_text = $11, error = $12, tls_version = $13, duration_ms = $14 \
               WHERE tenant_id = $1 AND delivery_id = $2 AND epoch = $3";
    let reply = report.reply.as_ref();
    let values = [
        settlement.lease.tenant.uuid().into(),
        settlement.lease.delivery.uuid().into(),
        settlement.lease.epoch.into(),
        now.into(),
        settlement.outcome.as_str().into(),
        report.route.map(domain::ids::Id::uuid).into(),
        report.server.clone().into(),
        report.stage.as_str().into(),
        reply.map(|reply| i64::from(reply.code)).into(),
        reply
            .and_then(|reply| reply.enhanced)
            .map(|code| code.to_string())
            .into(),
        reply.map(|reply| reply.text.clone()).into(),
        report.error.clone().into(),
        report.tls_version.clone().into(),
        i64::try_from(report.duration.as_millis()).unwrap_or(i64::MAX).into(),
    ];
    transaction.execute_raw(statement(transaction, sql, values)).await?;
    Ok(())
}

fn next(outcome: &Outcome, standing: &Standing, now: i64, unknown_delay: Duration) -> Next {
    let after = |delay: &Duration| now.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
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
    Some(now.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)))
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

fn event_detail(settlement: &Settlement, next: &Next) -> Map<String, Value> {
    let mut detail = Map::new();
    if let Some(report) = &settlement.report {
        let reply = report.reply.as_ref().map(|reply| {
            json!({ "code": reply.code, "enhanced": reply.enhanced.map(|code| code.to_string()), "text": reply.text })
        });
        detail.insert("route".to_owned(), report.server.clone().into());
        detail.insert("stage".to_owned(), report.stage.as_str().into());
        detail.insert("reply".to_owned(), reply.into());
        detail.insert("error".to_owned(), report.error.clone().into());
        detail.insert("tls_version".to_owned(), report.tls_version.clone().into());
        detail.insert(
            "duration_ms".to_owned(),
            u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX).into(),
        );
    }
    if let Some(due_at) = next.due_at {
        detail.insert(
            "next_attempt_at".to_owned(),
            domain::clock::from_millis(due_at)
                .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
                .into(),
        );
    }
    if let Some(by) = next.held_by {
        detail.insert("held_by".to_owned(), by.as_str().into());
    }
    detail
}
