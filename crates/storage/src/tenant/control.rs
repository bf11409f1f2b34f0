//! Withdrawing messages and putting them back: state changes that people ask for.

use domain::{
    ids::{EventId, MessageId},
    message::{EventType, Message, state::DeliveryStatus},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::TenantStore;
use crate::{
    audit::Entry,
    entity::{delivery, event, message},
    error::StoreError,
};

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
        if changed == 0 {
            return Err(StoreError::Conflict(format!(
                "A message that is {} cannot be cancelled.",
                before.status().as_str()
            )));
        }
        self.record(&transaction, &before, &waiting, EventType::Cancelled)
            .await?;
        crate::outbox::erase_finished_codes(&transaction, &[(self.tenant_uuid(), id.uuid())]).await?;
        self.audit(
            &transaction,
            Entry::new("message.cancelled", id, json!({ "deliveries": changed })),
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
        if changed == 0 {
            return Err(StoreError::Conflict(format!(
                "A message that is {} cannot be retried.",
                before.status().as_str()
            )));
        }
        self.record(&transaction, &before, &failed, EventType::Retried).await?;
        self.audit(
            &transaction,
            Entry::new("message.retried", id, json!({ "deliveries": changed })),
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

    /// Moves the message's deliveries that are `from` to `to`; what is queued becomes due now.
    async fn change(
        &self,
        transaction: &DatabaseTransaction,
        id: MessageId,
        from: &[DeliveryStatus],
        to: DeliveryStatus,
    ) -> Result<u64, StoreError> {
        let due_at = (to == DeliveryStatus::Queued).then(|| self.store.now_ms());
        #[expect(
            clippy::disallowed_methods,
            reason = "an update has no scoped builder; the tenant is the first condition"
        )]
        let update = delivery::Entity::update_many();
        let done = update
            .col_expr(delivery::Column::Status, Expr::value(to.as_str()))
            .col_expr(delivery::Column::DueAt, Expr::value(due_at))
            .col_expr(delivery::Column::HeldBy, Expr::value(Option::<String>::None))
            .col_expr(delivery::Column::UpdatedAt, Expr::value(self.store.now_ms()))
            .filter(delivery::Column::TenantId.eq(self.tenant_uuid()))
            .filter(delivery::Column::MessageId.eq(id.uuid()))
            .filter(delivery::Column::Status.is_in(from.iter().map(|status| status.as_str())))
            .exec(transaction)
            .await?;
        Ok(done.rows_affected)
    }

    /// Adds an event for each delivery that was in one of `from`.
    async fn record(
        &self,
        transaction: &DatabaseTransaction,
        before: &Message,
        from: &[DeliveryStatus],
        event_type: EventType,
    ) -> Result<(), StoreError> {
        let now = self.store.now_ms();
        let rows = before
            .deliveries
            .iter()
            .filter(|delivery| from.contains(&delivery.status))
            .map(|delivery| crate::entity::event::Model {
                tenant_id: self.tenant_uuid(),
                id: EventId::generate(self.store.ids()).uuid(),
                message_id: before.id.uuid(),
                delivery_id: Some(delivery.id.uuid()),
                event_type: event_type.as_str().to_owned(),
                at: now,
                detail: json!({ "by": self.scope.actor().subject }).to_string(),
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
