//! Withdrawing messages and putting them back: state changes that people ask for.

use domain::{
    ids::{EventId, MessageId},
    message::{EventType, Message, state::DeliveryStatus},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    Statement, Value, sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use super::TenantStore;
use crate::{
    audit::Entry,
    entity::{event, message},
    error::StoreError,
};

/// A delivery that was moved.
#[derive(Debug, FromQueryResult)]
struct Moved {
    id: Uuid,
}

impl TenantStore<'_> {
    /// Withdraws every delivery that no worker holds and no server may have.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where there is none.
    pub async fn cancel_message(&self, id: MessageId) -> Result<Message, StoreError> {
        let waiting = [
            DeliveryStatus::Scheduled,
            DeliveryStatus::Queued,
            DeliveryStatus::Deferred,
        ];
        let transaction = self.store.begin().await?;
        let before = self.message_in(&transaction, id).await?;
        let changed = self
            .change(&transaction, id, &waiting, DeliveryStatus::Cancelled)
            .await?;
        if changed.is_empty() {
            return Err(StoreError::Conflict(format!(
                "A message that is {} cannot be cancelled.",
                before.status().as_str()
            )));
        }
        self.record(&transaction, id, &changed, EventType::Cancelled).await?;
        crate::outbox::erase_finished_codes(&transaction, &[(self.tenant_uuid(), id.uuid())]).await?;
        self.audit(
            &transaction,
            Entry::new("message.cancelled", id, json!({ "deliveries": changed.len() })),
        )
        .await?;
        self.finish(transaction, id).await
    }

    /// Puts failed deliveries back into the queue, due now.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where none failed, where the time is up, or where the body is erased.
    pub async fn retry_message(&self, id: MessageId) -> Result<Message, StoreError> {
        let failed: Vec<_> = DeliveryStatus::ALL
            .into_iter()
            .filter(|status| status.may_retry())
            .collect();
        let transaction = self.store.begin().await?;
        let before = self.message_in(&transaction, id).await?;
        if before.expires_at <= self.store.now() {
            return Err(StoreError::Conflict(
                "The message has expired; submit it again.".to_owned(),
            ));
        }
        if !self.has_body(&transaction, id).await? {
            return Err(StoreError::Conflict(
                "The body of the message is erased; submit it again.".to_owned(),
            ));
        }
        let changed = self.change(&transaction, id, &failed, DeliveryStatus::Queued).await?;
        if changed.is_empty() {
            return Err(StoreError::Conflict(format!(
                "A message that is {} cannot be retried.",
                before.status().as_str()
            )));
        }
        self.record(&transaction, id, &changed, EventType::Retried).await?;
        self.audit(
            &transaction,
            Entry::new("message.retried", id, json!({ "deliveries": changed.len() })),
        )
        .await?;
        let after = self.finish(transaction, id).await?;
        self.store.wake();
        Ok(after)
    }

    async fn finish(&self, transaction: DatabaseTransaction, id: MessageId) -> Result<Message, StoreError> {
        let after = self.message_in(&transaction, id).await?;
        transaction.commit().await?;
        Ok(after)
    }

    /// Moves the message's deliveries that are `from` to `to`, and says which; what is queued becomes due now. What was read
    /// before may be a worker's by now: only those that were moved are told of.
    async fn change(
        &self,
        transaction: &DatabaseTransaction,
        id: MessageId,
        from: &[DeliveryStatus],
        to: DeliveryStatus,
    ) -> Result<Vec<Moved>, StoreError> {
        let now = self.store.now_ms();
        let mut values: Vec<Value> = vec![
            self.tenant_uuid().into(),
            id.uuid().into(),
            to.as_str().into(),
            (to == DeliveryStatus::Queued).then_some(now).into(),
            now.into(),
        ];
        let first = values.len() + 1;
        let places: Vec<String> = (first..first + from.len()).map(|n| format!("${n}")).collect();
        values.extend(from.iter().map(|status| Value::from(status.as_str())));
        let sql = format!(
            "UPDATE deliveries SET status = $3, due_at = $4, held_by = NULL, updated_at = $5 \
             WHERE tenant_id = $1 AND message_id = $2 AND status IN ({}) RETURNING id",
            places.join(", ")
        );
        let update = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
        Ok(Moved::find_by_statement(update).all(transaction).await?)
    }

    /// Adds an event for each delivery that was moved.
    async fn record(
        &self,
        transaction: &DatabaseTransaction,
        message: MessageId,
        moved: &[Moved],
        event_type: EventType,
    ) -> Result<(), StoreError> {
        let now = self.store.now_ms();
        let detail = json!({ "by": self.scope.actor().subject }).to_string();
        let rows = moved.iter().map(|delivery| event::Model {
            tenant_id: self.tenant_uuid(),
            id: EventId::generate(self.store.ids()).uuid(),
            message_id: message.uuid(),
            delivery_id: Some(delivery.id),
            event_type: event_type.as_str().to_owned(),
            at: now,
            detail: detail.clone(),
        });
        let rows: Vec<event::ActiveModel> = rows.map(Into::into).collect();
        event::Entity::insert_many(rows)
            .exec_without_returning(transaction)
            .await?;
        Ok(())
    }

    async fn has_body(&self, transaction: &DatabaseTransaction, id: MessageId) -> Result<bool, StoreError> {
        let body = self
            .select::<message::Entity>()
            .filter(message::Column::Id.eq(id.uuid()))
            .filter(Expr::cust("sealed IS NOT NULL"));
        Ok(body.count(transaction).await? > 0)
    }
}
