//! Which settings a test email has passed with: kept by a keyed hash of all values, so that it counts before they are saved
//! and after, and for no others.
//!
//! The hash stands for a password and a client secret too. It is keyed, so that a stolen database gives nothing to guess
//! against, and holds the tenant, so that one tenant's test says nothing of another's.

use std::collections::HashSet;

use domain::{
    branding::Branding,
    connection::{Connection, EmailSettings, O365, SmtpServer},
    secret::ExposeSecret,
    tenant::Edition,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use zeroize::Zeroizing;

use super::{super::TenantStore, row::add_part};
use crate::{entity::passed_test, error::StoreError};

/// How long a test counts, in milliseconds: 24 hours.
const GOOD_FOR_MS: i64 = 24 * 3_600_000;

/// The hashes of what was tested lately.
pub(super) type Passed = HashSet<Vec<u8>>;

impl TenantStore<'_> {
    /// Remembers that a test email passed with these settings, saved or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_passed_test(&self, settings: &EmailSettings) -> Result<(), StoreError> {
        let Some(fingerprint) = self.fingerprint(settings)? else {
            return Ok(());
        };
        let now = self.store.now_ms();
        let transaction = self.store.begin().await?;
        let outdated = Condition::any()
            .add(passed_test::Column::Fingerprint.eq(fingerprint.clone()))
            .add(passed_test::Column::PassedAt.lte(now - GOOD_FOR_MS));
        #[expect(
            clippy::disallowed_methods,
            reason = "a deletion has no scoped builder; the tenant is the first condition"
        )]
        let delete = passed_test::Entity::delete_many();
        delete
            .filter(passed_test::Column::TenantId.eq(self.tenant_uuid()))
            .filter(outdated)
            .exec(&transaction)
            .await?;
        let row = passed_test::ActiveModel {
            tenant_id: Set(self.tenant_uuid()),
            fingerprint: Set(fingerprint),
            passed_at: Set(now),
        };
        match self.insert::<passed_test::Entity, _>(&transaction, row).await {
            // Another test of the same values passed at the same moment.
            Err(error) if StoreError::is_unique_violation(&error) => return Ok(()),
            done => done?,
        }
        Ok(transaction.commit().await?)
    }

    /// Whether a test email passed with just these settings in the last 24 hours.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn is_tested(&self, settings: &EmailSettings) -> Result<bool, StoreError> {
        let passed = self.passed_tests(self.store.read()).await?;
        self.is_among(&passed, settings)
    }

    pub(super) fn is_among(&self, passed: &Passed, settings: &EmailSettings) -> Result<bool, StoreError> {
        let fingerprint = self.fingerprint(settings)?;
        Ok(fingerprint.is_some_and(|fingerprint| passed.contains(&fingerprint)))
    }

    /// All tests that still count; the number of tests a day is bounded.
    pub(super) async fn passed_tests<C: ConnectionTrait>(&self, connection: &C) -> Result<Passed, StoreError> {
        let since = self.store.now_ms() - GOOD_FOR_MS;
        let rows = self
            .select::<passed_test::Entity>()
            .filter(passed_test::Column::PassedAt.gt(since))
            .all(connection)
            .await?;
        Ok(rows.into_iter().map(|row| row.fingerprint).collect())
    }

    /// The hash of everything that a test is about; none of settings that nothing can be sent by.
    fn fingerprint(&self, settings: &EmailSettings) -> Result<Option<Vec<u8>>, StoreError> {
        let mut said = Zeroizing::new(Vec::with_capacity(512));
        add_part(&mut said, Some(self.tenant_uuid().as_bytes()));
        match settings {
            EmailSettings::Cloud { branding } => {
                add_part(&mut said, Some(Edition::Cloud.as_str().as_bytes()));
                add_branding(&mut said, branding);
            }
            EmailSettings::OnPremises {
                branding: Some(branding),
                connection: Some(connection),
            } => {
                add_part(&mut said, Some(connection.method().as_bytes()));
                add_branding(&mut said, branding);
                match connection {
                    Connection::Smtp(server) => add_server(&mut said, server),
                    Connection::O365(o365) => add_o365(&mut said, o365),
                }
            }
            EmailSettings::OnPremises { .. } => return Ok(None),
        }
        self.store.keyed_hash("passed_test", &said).map(Some)
    }
}

fn add_text(said: &mut Vec<u8>, text: &str) {
    add_part(said, Some(text.as_bytes()));
}

fn add_branding(said: &mut Vec<u8>, branding: &Branding) {
    add_text(said, &branding.from_address.to_string());
    let name = branding.from_name.as_ref().map(|name| name.as_str().as_bytes());
    add_part(said, name);
}

fn add_server(said: &mut Vec<u8>, server: &SmtpServer) {
    add_text(said, &server.host.to_string());
    add_part(said, Some(&server.port.to_be_bytes()));
    add_text(said, server.security.as_str());
    add_part(said, server.username().map(str::as_bytes));
    add_part(said, server.ca_certificate_pem.as_deref().map(str::as_bytes));
    add_part(
        said,
        server.password().map(|password| password.expose_secret().as_bytes()),
    );
}

/// The application's values rather than its entry's version: a secret that was replaced is another, one that was renamed is not.
fn add_o365(said: &mut Vec<u8>, o365: &O365) {
    add_part(said, Some(o365.secret.uuid().as_bytes()));
    add_part(said, Some(o365.application.client_id.as_bytes()));
    add_text(said, &o365.application.directory.to_string());
    add_text(said, o365.application.client_secret.expose_secret());
    add_text(said, o365.cloud.as_str());
    add_part(said, Some(&[u8::from(o365.save_to_sent_items)]));
}
