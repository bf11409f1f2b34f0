//! Reading messages: listings and single ones.

use std::collections::HashMap;

use domain::{
    access::Standing,
    clock::{Timestamp, from_millis, to_millis},
    ids::{DeliveryId, MessageId},
    message::{
        Delivery, HeldBy, Message,
        kind::{Kind, Lane},
        state::{DeliveryStatus, MessageStatus},
    },
    tenant::Edition,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::TenantStore;
use crate::{
    entity::{delivery, message},
    error::StoreError,
    page::{Page, PageRequest},
};

/// Which messages to list; all that are given must hold.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// What the message as a whole is.
    pub status: Option<MessageStatus>,
    /// Its kind.
    pub kind: Option<Kind>,
    /// The address of a recipient, in its canonical form.
    pub to: Option<String>,
    /// Accepted at or after.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
}

impl TenantStore<'_> {
    /// Messages, newest first, with their deliveries.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn messages(&self, filter: &MessageFilter, page: PageRequest) -> Result<Page<Message>, StoreError> {
        let mut rows = filtered(self.select::<message::Entity>(), filter);
        if let Some(after) = page.after {
            rows = rows.filter(message::Column::Id.lt(after.uuid()));
        }
        let rows = rows
            .order_by_desc(message::Column::Id)
            .limit(page.limit + 1)
            .all(self.store.read())
            .await?;
        let page = Page::of(rows, page, |row| row.id);
        let ids: Vec<Uuid> = page.items.iter().map(|row| row.id).collect();
        let mut deliveries = self.deliveries_of(self.store.read(), &ids).await?;
        page.try_map(|row| {
            let own = deliveries.remove(&row.id).unwrap_or_default();
            message(row, own)
        })
    }

    /// One message with its deliveries.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn message(&self, id: MessageId) -> Result<Message, StoreError> {
        self.message_in(self.store.read(), id).await
    }

    pub(super) async fn message_in<C: ConnectionTrait>(
        &self,
        connection: &C,
        id: MessageId,
    ) -> Result<Message, StoreError> {
        let row = self
            .select::<message::Entity>()
            .filter(message::Column::Id.eq(id.uuid()))
            .one(connection)
            .await?
            .ok_or(StoreError::NotFound("message"))?;
        let mut deliveries = self.deliveries_of(connection, &[row.id]).await?;
        let own = deliveries.remove(&row.id).unwrap_or_default();
        message(row, own)
    }

    async fn deliveries_of<C: ConnectionTrait>(
        &self,
        connection: &C,
        messages: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Delivery>>, StoreError> {
        let rows = self
            .select::<delivery::Entity>()
            .filter(delivery::Column::MessageId.is_in(messages.iter().copied()))
            .order_by_asc(delivery::Column::Id)
            .all(connection)
            .await?;
        let held_by = self.held_by(connection, &rows).await?;
        let now = self.store.now_ms();
        let mut found: HashMap<Uuid, Vec<Delivery>> = HashMap::new();
        for row in rows {
            found
                .entry(row.message_id)
                .or_default()
                .push(delivery(row, held_by, now)?);
        }
        Ok(found)
    }
}

impl TenantStore<'_> {
    /// What keeps this tenant's due mail, as far as it concerns all of it.
    async fn held_by<C: ConnectionTrait>(
        &self,
        connection: &C,
        rows: &[delivery::Model],
    ) -> Result<Option<HeldBy>, StoreError> {
        if !rows.iter().any(|row| row.due_at.is_some()) {
            return Ok(None);
        }
        if self.scope.standing() == Standing::Suspended {
            return Ok(Some(HeldBy::TenantSuspended));
        }
        if self.store.relay_state(connection).await?.paused.is_some() {
            return Ok(Some(HeldBy::RelayPaused));
        }
        let shared = self.scope.edition() == Edition::Cloud;
        let stuck = shared && self.store.usable_routes(connection).await?.is_empty();
        Ok(stuck.then_some(HeldBy::NoRoute))
    }
}

fn filtered(mut rows: Select<message::Entity>, filter: &MessageFilter) -> Select<message::Entity> {
    if let Some(kind) = filter.kind {
        rows = rows.filter(message::Column::Kind.eq(kind.as_str()));
    }
    if let Some(since) = filter.since {
        rows = rows.filter(message::Column::CreatedAt.gte(to_millis(since)));
    }
    if let Some(until) = filter.until {
        rows = rows.filter(message::Column::CreatedAt.lt(to_millis(until)));
    }
    if let Some(to) = &filter.to {
        let with_recipient = own_deliveries()
            .and_where(Expr::col((delivery::Entity, delivery::Column::Recipient)).eq(to.as_str()))
            .to_owned();
        rows = rows.filter(Expr::exists(with_recipient));
    }
    match filter.status {
        None => rows,
        Some(MessageStatus::Mixed) => rows.filter(Expr::exists(differing_deliveries())),
        Some(MessageStatus::All(status)) => {
            let column = || Expr::col((delivery::Entity, delivery::Column::Status));
            let with = own_deliveries().and_where(column().eq(status.as_str())).to_owned();
            let without = own_deliveries().and_where(column().ne(status.as_str())).to_owned();
            rows.filter(Expr::exists(with)).filter(Expr::exists(without).not())
        }
    }
}

/// `SELECT 1 FROM deliveries` of the message of the outer query.
fn own_deliveries() -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from(delivery::Entity)
        .and_where(
            Expr::col((delivery::Entity, delivery::Column::TenantId))
                .equals((message::Entity, message::Column::TenantId)),
        )
        .and_where(
            Expr::col((delivery::Entity, delivery::Column::MessageId)).equals((message::Entity, message::Column::Id)),
        )
        .to_owned()
}

fn differing_deliveries() -> sea_orm::sea_query::SelectStatement {
    let status = || Expr::col((delivery::Entity, delivery::Column::Status));
    own_deliveries()
        .group_by_col((delivery::Entity, delivery::Column::MessageId))
        .and_having(status().min().ne(status().max()))
        .to_owned()
}

fn message(row: message::Model, deliveries: Vec<Delivery>) -> Result<Message, StoreError> {
    let lane = i16::try_from(row.lane)
        .ok()
        .and_then(Lane::of_rank)
        .ok_or(StoreError::Corrupt("lane"))?;
    Ok(Message {
        id: MessageId::new(row.id),
        kind: row.kind.parse().map_err(|_| StoreError::Corrupt("kind"))?,
        lane,
        locale: row.locale.parse().map_err(|_| StoreError::Corrupt("locale"))?,
        created_at: from_millis(row.created_at),
        expires_at: from_millis(row.expires_at),
        send_at: row.send_at.map(from_millis),
        supersede_key: row.supersede_key,
        metadata: serde_json::from_str(&row.metadata).map_err(|_| StoreError::Corrupt("metadata"))?,
        deliveries,
    })
}

fn delivery(row: delivery::Model, held_by: Option<HeldBy>, now: i64) -> Result<Delivery, StoreError> {
    let status: DeliveryStatus = row.status.parse().map_err(|_| StoreError::Corrupt("status"))?;
    // What waits for a later time is held by that time alone.
    let due = status == DeliveryStatus::Queued || row.due_at.is_some_and(|at| at <= now);
    Ok(Delivery {
        id: DeliveryId::new(row.id),
        to: row.recipient.parse().map_err(|_| StoreError::Corrupt("recipient"))?,
        status,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        due_at: row.due_at.map(from_millis),
        held_by: due.then_some(held_by).flatten().or(row
            .held_by
            .as_deref()
            .and_then(|held| HeldBy::ALL.into_iter().find(|by| by.as_str() == held))),
        last_error: row.last_error,
        updated_at: from_millis(row.updated_at),
    })
}
