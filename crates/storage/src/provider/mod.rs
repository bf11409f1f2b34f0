//! What belongs to the provider: tenants as a list, the shared relay's routes, its own clients and audit log.

use domain::access::ProviderScope;

use crate::Store;

pub(crate) mod deletions;
pub(crate) mod depth;
mod idempotency;
pub(crate) mod operator_clients;
mod redrive;
mod relay_state;
mod route_health;
mod route_tests;
mod routes;
mod tenants;

pub use deletions::Purge;
pub use depth::{Depth, LaneDepth, TenantDepth, Throughput};
pub use domain::connection::PasswordChange;
pub use redrive::Redrive;
pub use relay_state::RelayState;
pub(crate) use relay_state::version_unless_paused;
pub use route_health::RouteStanding;
pub use routes::RouteChange;
pub use tenants::{NewEdition, NewTenant, TenantChange};
pub(crate) use tenants::{limits as limits_of, weight_of};

/// The provider's part of the store.
#[derive(Clone, Copy)]
pub struct ProviderStore<'a> {
    pub(crate) store: &'a Store,
    pub(crate) scope: &'a ProviderScope,
}

impl Store {
    /// The part of the store that `scope` gives leave to.
    #[must_use]
    pub const fn provider<'a>(&'a self, scope: &'a ProviderScope) -> ProviderStore<'a> {
        ProviderStore { store: self, scope }
    }
}
