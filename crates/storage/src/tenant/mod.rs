//! What belongs to one tenant: rows that can be had only through its scope.

use domain::access::TenantScope;
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, IntoActiveModel, QueryFilter, Select};
use uuid::Uuid;

use crate::{Store, seal::Owner};

mod api_clients;
mod control;
mod email_settings;
mod hardening;
mod messages;
mod owned;
mod preferences;
mod test_emails;
mod timeline;
mod vault;

pub(crate) use api_clients::parse_roles;
pub use api_clients::{ApiClient, NewApiClient};
pub(crate) use email_settings::insert_first as insert_first_settings;
pub use email_settings::{OwnConnection, PastSettings, Sending, SettingsChange, SettingsVersion, Untested, Unusable};
pub use messages::MessageFilter;
pub(crate) use owned::TenantOwned;
pub(crate) use preferences::ON_OUTCOME_UNKNOWN;
pub use preferences::PreferencesVersion;
pub use test_emails::{TestBegun, TestEnded};
pub use vault::{Vault, VaultChange, VaultEdit, VaultSecret};

/// One tenant's part of the store.
#[derive(Clone, Copy)]
pub struct TenantStore<'a> {
    pub(crate) store: &'a Store,
    pub(crate) scope: &'a TenantScope,
}

impl Store {
    /// The part of the store that `scope` gives leave to.
    #[must_use]
    pub const fn tenant<'a>(&'a self, scope: &'a TenantScope) -> TenantStore<'a> {
        TenantStore { store: self, scope }
    }
}

impl TenantStore<'_> {
    /// Rows of this tenant, and of no other.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the filter that everything else must use"
    )]
    fn select<E: TenantOwned>(&self) -> Select<E> {
        use sea_orm::ColumnTrait;
        E::find().filter(E::TENANT.eq(self.tenant_uuid()))
    }

    /// Adds a row, stamped with this tenant whatever it said.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the stamp that everything else must use"
    )]
    async fn insert<E, C>(&self, connection: &C, row: impl IntoActiveModel<E::ActiveModel>) -> Result<(), DbErr>
    where
        E: TenantOwned,
        E::ActiveModel: Send,
        C: ConnectionTrait,
    {
        let mut row = row.into_active_model();
        row.set(E::TENANT, self.tenant_uuid().into());
        E::insert(row).exec_without_returning(connection).await?;
        Ok(())
    }

    const fn tenant_uuid(&self) -> Uuid {
        self.scope.id().uuid()
    }

    pub(crate) const fn owner(&self) -> Owner {
        Owner::Tenant(self.scope.id())
    }
}
