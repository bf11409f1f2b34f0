//! Test emails, counted and written down before the first packet leaves: a test makes this machine connect to where somebody
//! says, so it must not be free, and must not be possible unseen.
//!
//! The counts are one row a tenant, exact over all processes: whoever counts holds the tenant's own row. A minute begins with
//! its first test.

use std::time::Duration;

use domain::{
    address::EmailAddress,
    connection::Route,
    tenant::{DEFAULT_TEST_EMAILS_PER_DAY, DEFAULT_TEST_EMAILS_PER_MINUTE, Limits},
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::LockType,
};
use serde_json::json;

use super::TenantStore;
use crate::{
    audit::Entry,
    entity::{tenant, test_email},
    error::StoreError,
    provider::limits_of,
};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// A test that is about to begin.
#[derive(Debug, Clone)]
pub struct TestBegun {
    /// To whom.
    pub to: EmailAddress,
    /// Over what, for people: a server, Microsoft Graph, the shared relay.
    pub over: String,
    /// The version tested, where it is a saved one.
    pub saved: Option<i64>,
}

/// How a test ended.
#[derive(Debug, Clone)]
pub struct TestEnded {
    /// `accepted` or `failed`.
    pub outcome: &'static str,
    /// Where and how it failed.
    pub failure: Option<(&'static str, &'static str)>,
}

impl TenantStore<'_> {
    /// Counts a test and tells the audit log of it; the answer is the tenant's name.
    ///
    /// # Errors
    /// [`StoreError::RateLimited`] and [`StoreError::QuotaExceeded`] where it is one too many; nothing is counted then.
    pub async fn begin_test(&self, test: &TestBegun) -> Result<String, StoreError> {
        let transaction = self.store.begin().await?;
        let tenant = self.locked_tenant(&transaction).await?;
        self.count_test(&transaction, &limits_of(&tenant.limits)?).await?;
        let detail = json!({ "to": test.to.to_string(), "over": test.over, "saved_version": test.saved });
        let entry = Entry::new("email_settings.test_begun", "email_settings", detail);
        self.audit(&transaction, entry).await?;
        transaction.commit().await?;
        Ok(tenant.name)
    }

    /// Tells the audit log how a test ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_test(&self, test: &TestEnded) -> Result<(), StoreError> {
        let transaction = self.store.begin().await?;
        let entry = Entry::new("email_settings.test_ended", "email_settings", test.told());
        self.audit(&transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// The routes that a Cloud tenant's mail may take now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn relay_routes(&self) -> Result<Vec<Route>, StoreError> {
        self.store.usable_routes(self.store.read()).await
    }

    #[expect(clippy::disallowed_methods, reason = "the scope's own tenant, and no other")]
    async fn locked_tenant(&self, transaction: &DatabaseTransaction) -> Result<tenant::Model, StoreError> {
        let row = tenant::Entity::find()
            .filter(tenant::Column::Id.eq(self.tenant_uuid()))
            // Not what a new message's reference to the tenant waits for.
            .lock(LockType::NoKeyUpdate)
            .one(transaction)
            .await?;
        row.ok_or(StoreError::NotFound("tenant"))
    }

    async fn count_test(&self, transaction: &DatabaseTransaction, limits: &Limits) -> Result<(), StoreError> {
        let row = self.select::<test_email::Entity>().one(transaction).await?;
        let (known, now) = (row.is_some(), self.store.now_ms());
        let before = row.unwrap_or(test_email::Model {
            tenant_id: self.tenant_uuid(),
            day: now.div_euclid(DAY_MS),
            today: 0,
            minute_began_at: now,
            in_minute: 0,
        });
        let after = one_more(before, limits, now)?.into_active_model().reset_all();
        if known {
            after.update(transaction).await?;
        } else {
            self.insert::<test_email::Entity, _>(transaction, after).await?;
        }
        Ok(())
    }
}

impl TestEnded {
    pub(crate) fn told(&self) -> serde_json::Value {
        json!({
            "outcome": self.outcome,
            "step": self.failure.map(|(step, _)| step),
            "code": self.failure.map(|(_, code)| code),
        })
    }
}

/// The counts with one more test, where that is not too many.
fn one_more(mut count: test_email::Model, limits: &Limits, now: i64) -> Result<test_email::Model, StoreError> {
    let a_minute = limits.test_emails_per_minute.unwrap_or(DEFAULT_TEST_EMAILS_PER_MINUTE);
    let a_day = limits.test_emails_per_day.unwrap_or(DEFAULT_TEST_EMAILS_PER_DAY);
    let today = now.div_euclid(DAY_MS);
    if count.day != today {
        count.day = today;
        count.today = 0;
    }
    // A clock that was set back must not keep anybody out for longer than a minute.
    if !(count.minute_began_at..count.minute_began_at + MINUTE_MS).contains(&now) {
        count.minute_began_at = now;
        count.in_minute = 0;
    }
    if count.today >= i64::from(a_day) {
        return Err(StoreError::QuotaExceeded {
            limit: "test_emails_per_day",
            retry_after: wait((today + 1) * DAY_MS - now),
        });
    }
    if count.in_minute >= i64::from(a_minute) {
        return Err(StoreError::RateLimited {
            retry_after: wait(count.minute_began_at + MINUTE_MS - now),
        });
    }
    count.today += 1;
    count.in_minute += 1;
    Ok(count)
}

fn wait(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOON: i64 = 20_000 * DAY_MS + DAY_MS / 2;

    fn fresh(now: i64) -> test_email::Model {
        test_email::Model {
            tenant_id: Uuid::nil(),
            day: now.div_euclid(DAY_MS),
            today: 0,
            minute_began_at: now,
            in_minute: 0,
        }
    }

    fn limits(a_minute: u32, a_day: u32) -> Limits {
        Limits {
            test_emails_per_minute: Some(a_minute),
            test_emails_per_day: Some(a_day),
            ..Limits::default()
        }
    }

    /// Tests at these moments, in milliseconds from noon; the last one's wait, where it was refused.
    fn refused(limits: &Limits, moments: impl IntoIterator<Item = i64>) -> Option<Duration> {
        let mut count = fresh(NOON);
        let mut last = None;
        for moment in moments {
            last = match one_more(count.clone(), limits, NOON + moment) {
                Ok(after) => {
                    count = after;
                    None
                }
                Err(StoreError::RateLimited { retry_after } | StoreError::QuotaExceeded { retry_after, .. }) => {
                    Some(retry_after)
                }
                Err(other) => panic!("{other}"),
            };
        }
        last
    }

    #[test]
    fn without_limits_of_its_own_a_tenant_has_five_a_minute_and_thirty_a_day() {
        let none = Limits::default();
        assert_eq!(refused(&none, [0; 5]), None);
        assert_eq!(refused(&none, [0, 0, 0, 0, 0, 1_000]), Some(Duration::from_secs(59)));
        assert_eq!(refused(&none, [0, 0, 0, 0, 0, 60_000]), None);
        assert_eq!(refused(&none, (0..30).map(|n| n * MINUTE_MS)), None);
        let thirty_first = refused(&none, (0..31).map(|n| n * MINUTE_MS));
        assert_eq!(thirty_first, Some(Duration::from_mins(12 * 60 - 30)));
    }

    #[test]
    fn what_was_refused_is_not_counted_and_a_new_day_begins_at_nothing() {
        assert_eq!(refused(&limits(1, 2), [0, 1, 2, 3, 60_000]), None);
        assert_eq!(refused(&limits(9, 1), [0, 1, DAY_MS / 2]), None);
        assert_eq!(refused(&limits(0, 9), [0]), Some(Duration::from_mins(1)));
    }
}
