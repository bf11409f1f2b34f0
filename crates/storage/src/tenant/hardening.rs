//! What the hardening report is made of: the last sessions, what mail was used for, and what the provider made mandatory.

use domain::{
    clock::{Timestamp, from_millis, to_millis},
    hardening::{Demand, Item, Session, Taken},
    message::kind::Kind,
    outbox::Outcome,
    reply::Stage,
    secret::ExposeSecret,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;

use super::{SettingsVersion, TenantStore};
use crate::{
    audit::Entry,
    entity::{attempt, delivery, mandatory_item, message},
    error::StoreError,
    outbox::attempts::SentBy,
};

/// How many deliveries and attempts are looked at: those of the newest messages, so that the primary key finds them.
const NEWEST: u64 = 100;
/// How many versions of the settings are looked back on.
const VERSIONS: usize = 100;

impl TenantStore<'_> {
    /// The newest sessions that began after `since`: of the tenant's own connection, where it has one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sessions_since(&self, since: Timestamp) -> Result<Vec<Session>, StoreError> {
        let sent = self
            .select::<delivery::Entity>()
            .filter(delivery::Column::SentBy.is_not_null())
            .order_by_desc(delivery::Column::MessageId)
            .limit(NEWEST)
            .all(self.store.read())
            .await?;
        let others = self
            .select::<attempt::Entity>()
            .order_by_desc(attempt::Column::MessageId)
            .limit(NEWEST)
            .all(self.store.read())
            .await?;
        let since = to_millis(since);
        let mut sessions: Vec<(i64, Session)> = sent.iter().filter_map(|row| well(row.sent_by.as_deref()?)).collect();
        sessions.extend(others.iter().filter_map(|row| Some((row.started_at, ended(row)?))));
        sessions.retain(|(started_at, _)| *started_at >= since);
        sessions.sort_by_key(|(_, session)| std::cmp::Reverse(session.at));
        Ok(sessions.into_iter().map(|(_, session)| session).collect())
    }

    /// Since when the password of an SMTP server in force has been the same; none where there is none.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] where a stored one does not open.
    pub async fn password_since(&self, in_force: &SettingsVersion) -> Result<Option<Timestamp>, StoreError> {
        let Some(now) = password(in_force) else {
            return Ok(None);
        };
        let mut since = in_force.updated_at;
        for version in (1..in_force.version).rev().take(VERSIONS) {
            let earlier = self.email_settings_version(version).await?;
            if password(&earlier) != Some(now) {
                break;
            }
            since = earlier.updated_at;
        }
        Ok(since)
    }

    /// Whether a message of this kind was submitted after `since`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_submitted(&self, kind: Kind, since: Timestamp) -> Result<bool, StoreError> {
        let newest = self
            .select::<message::Entity>()
            .filter(message::Column::Kind.eq(kind.as_str()))
            .filter(message::Column::CreatedAt.gt(to_millis(since)))
            .order_by_desc(message::Column::Id)
            .one(self.store.read())
            .await?;
        Ok(newest.is_some())
    }

    /// The items that the provider made mandatory, in the order of the report.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where one is not known to this program.
    pub async fn mandatory_items(&self) -> Result<Vec<Item>, StoreError> {
        let rows = self.select::<mandatory_item::Entity>().all(self.store.read()).await?;
        let items: Result<Vec<Item>, _> = rows.iter().map(|row| row.item.parse()).collect();
        let mut items = items.map_err(|_| StoreError::Corrupt("hardening item"))?;
        items.sort_unstable();
        Ok(items)
    }

    /// Makes an item mandatory, or leaves it to the tenant again. What is so already stays so.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn demand(&self, item: Item, demand: Demand) -> Result<(), StoreError> {
        let transaction = self.store.begin().await?;
        let changed = match demand {
            Demand::Mandatory => self.make_mandatory(&transaction, item).await?,
            Demand::Optional => self.make_optional(&transaction, item).await?,
        };
        if !changed {
            return Ok(());
        }
        let detail = json!({ "mandatory": demand == Demand::Mandatory });
        self.audit(&transaction, Entry::new("hardening.demanded", item.as_str(), detail))
            .await?;
        Ok(transaction.commit().await?)
    }

    async fn make_mandatory<C: ConnectionTrait>(&self, connection: &C, item: Item) -> Result<bool, StoreError> {
        let known = self
            .select::<mandatory_item::Entity>()
            .filter(mandatory_item::Column::Item.eq(item.as_str()))
            .one(connection)
            .await?;
        if known.is_some() {
            return Ok(false);
        }
        let row = mandatory_item::ActiveModel {
            tenant_id: Set(self.tenant_uuid()),
            item: Set(item.as_str().to_owned()),
            set_at: Set(self.store.now_ms()),
            set_by: Set(self.scope.actor().subject.clone()),
        };
        match self.insert::<mandatory_item::Entity, _>(connection, row).await {
            // Another operator was faster, with the same.
            Err(error) if StoreError::is_unique_violation(&error) => Ok(false),
            done => Ok(done.map(|()| true)?),
        }
    }

    async fn make_optional<C: ConnectionTrait>(&self, connection: &C, item: Item) -> Result<bool, StoreError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "a deletion has no scoped builder; the tenant is the first condition"
        )]
        let delete = mandatory_item::Entity::delete_many();
        let done = delete
            .filter(mandatory_item::Column::TenantId.eq(self.tenant_uuid()))
            .filter(mandatory_item::Column::Item.eq(item.as_str()))
            .exec(connection)
            .await?;
        Ok(done.rows_affected > 0)
    }
}

fn password(version: &SettingsVersion) -> Option<&str> {
    let server = version.settings.connection()?.smtp()?;
    server.password().map(ExposeSecret::expose_secret)
}

/// The session that sent a delivery, and when it began.
fn well(sent_by: &str) -> Option<(i64, Session)> {
    let sent: SentBy = serde_json::from_str(sent_by).ok()?;
    Some((sent.started_at, session(sent.ended_at, &sent.detail, Taken::Yes)?))
}

/// An attempt that ended otherwise.
fn ended(row: &attempt::Model) -> Option<Session> {
    let taken = if row.outcome == Outcome::Sent.as_str() {
        Taken::Yes
    } else {
        Taken::No
    };
    session(row.ended_at, &serde_json::from_str(&row.detail).ok()?, taken)
}

fn session(at: i64, detail: &serde_json::Map<String, serde_json::Value>, taken: Taken) -> Option<Session> {
    let text = |name: &str| detail.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    Some(Session {
        at: from_millis(at),
        stage: Stage::named(&text("stage")?)?,
        tls_version: text("tls_version"),
        error: text("error"),
        taken,
    })
}
