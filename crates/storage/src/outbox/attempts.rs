//! Attempts that ended, a row for each, keyed by delivery and epoch: a process whose lease was lost still writes the truth
//! into its own. The attempt that sent a delivery stands in the delivery's row, which is written then anyway.

use std::collections::BTreeMap;

use domain::{
    message::{EventType, HeldBy},
    outbox::{AttemptReport, Lease, Settlement},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    mark::with_leases,
    millis,
    rows::{Sql, Type, pieces},
};
use crate::{entity::attempt, error::StoreError};

/// The attempt that sent a delivery, as the delivery's row has it.
#[derive(Debug, Deserialize)]
pub(crate) struct SentBy {
    pub(crate) epoch: i64,
    pub(crate) started_at: i64,
    pub(crate) ended_at: i64,
    pub(crate) detail: Map<String, Value>,
}

/// An attempt that ended.
pub(super) struct Ended {
    row: attempt::Model,
    detail: Map<String, Value>,
}

impl Ended {
    /// The end of an attempt, and what it made of the delivery.
    pub(super) fn of(settlement: &Settlement, event: Option<EventType>, now: i64) -> Self {
        let lease = settlement.lease;
        let report = settlement.report.as_ref();
        let took = report.map_or(0, |report| millis(report.duration));
        Self {
            row: attempt::Model {
                tenant_id: lease.tenant.uuid(),
                message_id: settlement.message.uuid(),
                delivery_id: lease.delivery.uuid(),
                epoch: lease.epoch,
                node_id: Some(settlement.node.uuid()),
                started_at: now.saturating_sub(took),
                ended_at: now,
                outcome: settlement.outcome.as_str().to_owned(),
                event_type: event.map(|event| event.as_str().to_owned()),
                detail: String::new(),
            },
            detail: report.map(described).unwrap_or_default(),
        }
    }

    /// As it stands in the delivery that it sent.
    pub(super) fn to_text(&self) -> String {
        json!({
            "epoch": self.row.epoch, "node_id": self.row.node_id, "started_at": self.row.started_at,
            "ended_at": self.row.ended_at, "detail": &self.detail,
        })
        .to_string()
    }

    /// What comes next for the delivery.
    pub(super) fn add(&mut self, due_at: Option<i64>, held_by: Option<HeldBy>) {
        if let Some(due_at) = due_at {
            let at = domain::clock::from_millis(due_at).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            self.detail.insert("next_attempt_at".to_owned(), at.into());
        }
        if let Some(by) = held_by {
            self.detail.insert("held_by".to_owned(), by.as_str().into());
        }
    }
}

fn described(report: &AttemptReport) -> Map<String, Value> {
    let reply = report.reply.as_ref().map(|reply| {
        json!({ "code": reply.code, "enhanced": reply.enhanced.map(|code| code.to_string()), "text": reply.text })
    });
    let duration = u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX);
    let pairs: [(&str, Value); 6] = [
        ("route", report.server.clone().into()),
        ("stage", report.stage.as_str().into()),
        ("reply", reply.into()),
        ("error", report.error.clone().into()),
        ("tls_version", report.tls_version.clone().into()),
        ("duration_ms", duration.into()),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Writes the rows, as far as their deliveries are still there: those of a deleted tenant are not. One that was settled
/// before keeps what it said: only its answer had been lost.
pub(super) async fn insert(transaction: &DatabaseTransaction, ended: &[Ended]) -> Result<(), StoreError> {
    const TYPES: [Type; 10] = [
        Type::Uuid,
        Type::Uuid,
        Type::Uuid,
        Type::Int,
        Type::MaybeUuid,
        Type::Int,
        Type::Int,
        Type::Text,
        Type::MaybeText,
        Type::Text,
    ];
    // A statement can write a row once; of two ends of one attempt the first is the one that was settled.
    let once: BTreeMap<_, &Ended> = ended
        .iter()
        .rev()
        .map(|ended| ((ended.row.tenant_id, ended.row.delivery_id, ended.row.epoch), ended))
        .collect();
    let once: Vec<&Ended> = once.into_values().collect();
    for piece in pieces(transaction, &once) {
        Sql::new(transaction)
            .text("WITH v(tenant_id, message_id, delivery_id, epoch, node_id, started_at, ended_at, outcome, event_type, detail) AS (")
            .rows(piece, TYPES, |ended| {
                let row = &ended.row;
                [
                    row.tenant_id.into(),
                    row.message_id.into(),
                    row.delivery_id.into(),
                    row.epoch.into(),
                    row.node_id.into(),
                    row.started_at.into(),
                    row.ended_at.into(),
                    row.outcome.clone().into(),
                    row.event_type.clone().into(),
                    Value::Object(ended.detail.clone()).to_string().into(),
                ]
            })
            .text(") INSERT INTO attempts (tenant_id, message_id, delivery_id, epoch, node_id, started_at, ended_at, outcome, ")
            .text("event_type, detail) SELECT v.tenant_id, v.message_id, v.delivery_id, v.epoch, v.node_id, v.started_at, v.ended_at, ")
            // The order of a CROSS JOIN is SQLite's too: each delivery is looked up by its key.
            .text("v.outcome, v.event_type, v.detail FROM v CROSS JOIN deliveries d WHERE d.tenant_id = v.tenant_id ")
            .text("AND d.message_id = v.message_id AND d.id = v.delivery_id")
            .postgres(" FOR KEY SHARE OF d")
            .text(" ON CONFLICT (tenant_id, message_id, delivery_id, epoch) DO UPDATE SET ended_at = excluded.ended_at, ")
            .text("outcome = excluded.outcome, event_type = excluded.event_type, detail = excluded.detail ")
            .text("WHERE attempts.event_type IS NULL")
            .run(transaction)
            .await?;
    }
    Ok(())
}

/// Keeps on record, before the sweep changes their deliveries, the attempts whose process is gone.
pub(super) async fn insert_abandoned<C: ConnectionTrait>(
    connection: &C,
    leases: &[Lease],
    now: i64,
) -> Result<(), StoreError> {
    for piece in pieces(connection, leases) {
        with_leases(connection, piece)
            .text("INSERT INTO attempts (tenant_id, message_id, delivery_id, epoch, node_id, started_at, ended_at, outcome, detail) ")
            .text("SELECT d.tenant_id, d.message_id, d.id, d.lease_epoch, d.lease_node, d.updated_at, ")
            .value(now, Type::Int)
            .text(", 'abandoned', '{}' FROM v JOIN deliveries d ON d.tenant_id = v.tenant_id AND d.message_id = v.message_id ")
            .text("AND d.id = v.id WHERE d.lease_epoch = v.epoch ")
            .text("ON CONFLICT (tenant_id, message_id, delivery_id, epoch) DO NOTHING")
            .run(connection)
            .await?;
    }
    Ok(())
}
