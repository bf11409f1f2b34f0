//! Tests of routes, written down before the first packet leaves.

use domain::{address::EmailAddress, ids::RouteId};
use serde_json::{Value, json};

use super::ProviderStore;
use crate::{audit::Entry, error::StoreError, tenant::TestEnded};

impl ProviderStore<'_> {
    /// Tells the audit log of a test that is about to begin.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn begin_route_test(&self, route: RouteId, to: &EmailAddress) -> Result<(), StoreError> {
        let detail = json!({ "to": to.to_string() });
        self.tell_of_test("route.test_begun", route, detail).await
    }

    /// Tells the audit log how it ended.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_route_test(&self, route: RouteId, test: &TestEnded) -> Result<(), StoreError> {
        self.tell_of_test("route.test_ended", route, test.told()).await
    }

    async fn tell_of_test(&self, action: &'static str, route: RouteId, detail: Value) -> Result<(), StoreError> {
        let transaction = self.store.begin().await?;
        self.audit(&transaction, Entry::new(action, route, detail)).await?;
        Ok(transaction.commit().await?)
    }
}
