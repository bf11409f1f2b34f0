//! What sending needs beside the delivery itself: the tenant's name and branding, and the routes. Kept for a moment, since
//! the same few are wanted thousands of times a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::{branding::Branding, connection::Route, ids::TenantId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::{Store, entity::tenant, error::StoreError, seal::Owner, tenant::current_brandings};

/// How old what is kept may be: a change made by another process is seen this late at most.
const KEPT: Duration = Duration::from_secs(1);
/// Tenants kept at most; past it all are forgotten.
const MOST: usize = 10_000;

/// A tenant as the relay needs it.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) tenant: tenant::Model,
    pub(super) branding: Option<Branding>,
}

/// What is kept in memory.
#[derive(Default)]
pub(crate) struct Kept {
    tenants: Mutex<HashMap<Uuid, (Instant, Arc<Context>)>>,
    routes: Mutex<Option<(Instant, Arc<[Route]>)>>,
}

impl Kept {
    /// Forgets everything: something was changed here.
    pub(crate) fn forget(&self) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.routes.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn tenant(&self, id: Uuid) -> Option<Arc<Context>> {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, context) = tenants.get(&id)?;
        (at.elapsed() < KEPT).then(|| Arc::clone(context))
    }

    fn keep_tenant(&self, context: &Arc<Context>) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MOST {
            tenants.clear();
        }
        tenants.insert(context.tenant.id, (Instant::now(), Arc::clone(context)));
    }
}

impl Store {
    /// The routes that mail may take now, best first.
    pub(super) async fn current_routes<C: ConnectionTrait>(&self, connection: &C) -> Result<Arc<[Route]>, StoreError> {
        let kept = &self.inner.kept.routes;
        if let Some((at, routes)) = &*kept.lock().unwrap_or_else(PoisonError::into_inner)
            && at.elapsed() < KEPT
        {
            return Ok(Arc::clone(routes));
        }
        let routes: Arc<[Route]> = self.usable_routes(connection).await?.into();
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&routes)));
        Ok(routes)
    }

    /// The contexts of these tenants, their keys opened.
    #[expect(clippy::disallowed_methods, reason = "the relay works across tenants")]
    pub(super) async fn contexts(&self, mut tenants: Vec<Uuid>) -> Result<HashMap<Uuid, Arc<Context>>, StoreError> {
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
        let mut brandings = current_brandings(self.read(), &missing).await?;
        let rows = tenant::Entity::find()
            .filter(tenant::Column::Id.is_in(missing))
            .all(self.read())
            .await?;
        for tenant in rows {
            let branding = brandings.remove(&tenant.id);
            let context = Arc::new(Context { tenant, branding });
            self.inner.kept.keep_tenant(&context);
            found.insert(context.tenant.id, context);
        }
        Ok(found)
    }
}
