//! What accepting and sending need beside the message itself: the tenant and its email settings, and the routes. Kept for a
//! moment, since the same few are wanted thousands of times a second.
//!
//! A change made here is seen at once: what was read before it is never kept after it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    access::TenantRef,
    branding::Branding,
    connection::{Connection, EmailSettings, Route},
    ids::TenantId,
    tenant::Edition,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::{Store, entity::tenant, error::StoreError, seal::Owner};

/// How old what is kept may be: a change made by another process is seen this late at most.
const KEPT: Duration = Duration::from_secs(1);
/// Tenants kept at most; past it all are forgotten.
const MOST: usize = 10_000;

/// A tenant as the relay needs it.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(super) tenant: tenant::Model,
    pub(crate) branding: Option<Branding>,
    /// An on-premises tenant's own.
    pub(crate) connection: Option<Arc<Connection>>,
}

impl Context {
    fn of(tenant: tenant::Model, settings: Option<EmailSettings>) -> Self {
        let (branding, connection) = match settings {
            None => (None, None),
            Some(EmailSettings::Cloud { branding }) => (Some(branding), None),
            Some(EmailSettings::OnPremises { branding, connection }) => (branding, connection.map(Arc::new)),
        };
        Self {
            tenant,
            branding,
            connection,
        }
    }

    /// Whether the tenant's mail can be sent by its settings.
    pub(super) fn is_usable(&self) -> bool {
        let has_way = self.tenant.edition == Edition::Cloud.as_str() || self.connection.is_some();
        self.branding.is_some() && has_way
    }
}

/// What is kept in memory.
#[derive(Default)]
pub(crate) struct Kept {
    tenants: Mutex<HashMap<Uuid, (Instant, Arc<Context>)>>,
    /// Tenants by what a path calls them, an id or a slug.
    named: Mutex<HashMap<String, (Instant, TenantRef)>>,
    /// Tenants that a group has seen and nobody has deleted since, where this process alone writes.
    there: Mutex<HashSet<Uuid>>,
    /// Rises whenever something was changed.
    changes: AtomicU64,
    routes: Mutex<Option<KeptRoutes>>,
}

struct KeptRoutes {
    routes: Arc<[Route]>,
    /// The relay's version they belong to, where a claim read them.
    version: Option<i64>,
    /// When they were known to be right.
    at: Instant,
}

impl Kept {
    /// Forgets everything: something was changed here.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.named.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.there.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.lock_routes() = None;
    }

    fn lock_routes(&self) -> MutexGuard<'_, Option<KeptRoutes>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tenant(&self, id: Uuid) -> Option<Arc<Context>> {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, context) = tenants.get(&id)?;
        (at.elapsed() < KEPT).then(|| Arc::clone(context))
    }

    fn keep_tenant(&self, context: &Arc<Context>, as_of: u64) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if self.as_of() != as_of {
            return;
        }
        if tenants.len() >= MOST {
            tenants.clear();
        }
        tenants.insert(context.tenant.id, (Instant::now(), Arc::clone(context)));
    }
}

impl Kept {
    /// What is read from here on may be kept as of this count of changes.
    pub(crate) fn as_of(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Those of these tenants that no group has seen yet.
    pub(super) fn not_seen(&self, mut tenants: Vec<Uuid>) -> Vec<Uuid> {
        let there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.retain(|tenant| !there.contains(tenant));
        tenants
    }

    /// A group has seen these tenants, in a transaction that no deletion runs beside.
    pub(super) fn saw(&self, tenants: &[Uuid]) {
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        there.extend(tenants);
    }

    /// The tenant that a path names, as it was a moment ago.
    pub(crate) fn named(&self, name: &str) -> Option<TenantRef> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, tenant) = named.get(name)?;
        (at.elapsed() < KEPT).then(|| tenant.clone())
    }

    /// Keeps what a path names.
    pub(crate) fn keep_named(&self, name: &str, tenant: &TenantRef, as_of: u64) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if self.as_of() != as_of {
            return;
        }
        if named.len() >= MOST {
            named.clear();
        }
        named.insert(name.to_owned(), (Instant::now(), tenant.clone()));
    }
}

impl Store {
    /// The routes that mail may take as of this version of the relay's state, best first; for a claim, which has locked it.
    pub(super) async fn routes_of<C: ConnectionTrait>(
        &self,
        connection: &C,
        version: i64,
    ) -> Result<Arc<[Route]>, StoreError> {
        if let Some(kept) = &mut *self.inner.kept.lock_routes()
            && kept.version == Some(version)
        {
            kept.at = Instant::now();
            return Ok(Arc::clone(&kept.routes));
        }
        self.read_routes(connection, Some(version)).await
    }

    /// The routes that mail may take, best first, as the last claim or a moment ago saw them.
    pub(super) async fn current_routes<C: ConnectionTrait>(&self, connection: &C) -> Result<Arc<[Route]>, StoreError> {
        if let Some(kept) = &*self.inner.kept.lock_routes()
            && kept.at.elapsed() < KEPT
        {
            return Ok(Arc::clone(&kept.routes));
        }
        self.read_routes(connection, None).await
    }

    async fn read_routes<C: ConnectionTrait>(
        &self,
        connection: &C,
        version: Option<i64>,
    ) -> Result<Arc<[Route]>, StoreError> {
        let routes: Arc<[Route]> = self.usable_routes(connection).await?.into();
        *self.inner.kept.lock_routes() = Some(KeptRoutes {
            routes: Arc::clone(&routes),
            version,
            at: Instant::now(),
        });
        Ok(routes)
    }

    /// The contexts of these tenants, their keys opened.
    #[expect(clippy::disallowed_methods, reason = "the relay works across tenants")]
    pub(crate) async fn contexts(&self, mut tenants: Vec<Uuid>) -> Result<HashMap<Uuid, Arc<Context>>, StoreError> {
        tenants.sort_unstable();
        tenants.dedup();
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        for id in tenants {
            self.open_keys(self.read(), Owner::Tenant(TenantId::new(id))).await?;
            match self.inner.kept.tenant(id) {
                Some(context) => drop(found.insert(id, context)),
                None => missing.push(id),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let as_of = self.inner.kept.as_of();
        let mut settings = self.current_settings(self.read(), &missing).await?;
        let rows = tenant::Entity::find()
            .filter(tenant::Column::Id.is_in(missing))
            .all(self.read())
            .await?;
        for tenant in rows {
            let own = settings.remove(&tenant.id);
            let context = Arc::new(Context::of(tenant, own));
            self.inner.kept.keep_tenant(&context, as_of);
            found.insert(context.tenant.id, context);
        }
        Ok(found)
    }
}
