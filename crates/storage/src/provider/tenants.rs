//! Tenants as the provider sees them: created with a key and, on Cloud, with settings that can send at once.

use domain::{
    access::{Standing, TenantRef},
    address::DisplayName,
    branding::Branding,
    clock::from_millis,
    ids::TenantId,
    tenant::{Edition, Limits, MAX_WEIGHT, Slug, Suspension, Tenant},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::ProviderStore;
use crate::{
    Store,
    audit::Entry,
    entity::tenant,
    error::StoreError,
    page::{Page, PageRequest},
    seal::Owner,
    tenant::{TenantStore, insert_first_settings},
};

/// A tenant to be made.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its short name.
    pub slug: Slug,
    /// Its name for people.
    pub name: DisplayName,
    /// What it runs, and, on Cloud, the From it starts with.
    pub edition: NewEdition,
    /// What it may do.
    pub limits: Limits,
}

/// What a new tenant runs.
#[derive(Debug, Clone)]
pub enum NewEdition {
    /// Cloud, with its first From.
    Cloud(Branding),
    /// On-premises, unconfigured.
    OnPremises,
}

impl NewEdition {
    const fn edition(&self) -> Edition {
        match self {
            Self::Cloud(_) => Edition::Cloud,
            Self::OnPremises => Edition::OnPremises,
        }
    }
}

/// What an operator changes of a tenant; absent is as it was.
#[derive(Debug, Clone, Default)]
pub struct TenantChange {
    /// A new name.
    pub name: Option<DisplayName>,
    /// New limits, all of them.
    pub limits: Option<Limits>,
}

impl Store {
    /// The tenant of an id or a slug, before anybody may touch it; a change made by another process is seen a second later
    /// at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn find_tenant(&self, id_or_slug: &str) -> Result<Option<TenantRef>, StoreError> {
        let kept = &self.inner.kept;
        if let Some(tenant) = kept.named(id_or_slug) {
            return Ok(Some(tenant));
        }
        let as_of = kept.as_of();
        let found = self.look_tenant_up(id_or_slug).await?;
        if let Some(tenant) = &found {
            kept.keep_named(id_or_slug, tenant, as_of);
        }
        Ok(found)
    }

    async fn look_tenant_up(&self, id_or_slug: &str) -> Result<Option<TenantRef>, StoreError> {
        let condition = match (Uuid::parse_str(id_or_slug), id_or_slug.parse::<Slug>()) {
            (Ok(id), _) => tenant::Column::Id.eq(id),
            (Err(_), Ok(slug)) => tenant::Column::Slug.eq(slug.as_str()),
            // What can be no slug is no tenant's; PostgreSQL would not even take a NUL.
            (Err(_), Err(_)) => return Ok(None),
        };
        let row = find_all().filter(condition).one(self.read()).await?;
        row.map(|row| {
            Ok(TenantRef {
                id: TenantId::new(row.id),
                slug: row.slug.parse().map_err(|_| StoreError::Corrupt("slug"))?,
                edition: row.edition.parse().map_err(|_| StoreError::Corrupt("edition"))?,
                standing: if row.suspended_at.is_some() {
                    Standing::Suspended
                } else {
                    Standing::Active
                },
            })
        })
        .transpose()
    }
}

impl TenantStore<'_> {
    /// The tenant itself.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where it was deleted since it was authorized.
    pub async fn tenant(&self) -> Result<Tenant, StoreError> {
        load(self.store.read(), self.scope.id()).await
    }
}

impl ProviderStore<'_> {
    /// Makes a tenant, its data key and, on Cloud, its first settings.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the slug is taken.
    pub async fn create_tenant(&self, new: NewTenant) -> Result<Tenant, StoreError> {
        let id = TenantId::generate(self.store.ids());
        let now = self.store.now_ms();
        let row = tenant::Model {
            id: id.uuid(),
            slug: new.slug.as_str().to_owned(),
            name: new.name.as_str().to_owned(),
            edition: new.edition.edition().as_str().to_owned(),
            limits: limits_json(&new.limits).to_string(),
            suspended_at: None,
            suspended_reason: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let transaction = self.store.begin().await?;
        match row.clone().into_active_model().insert(&transaction).await {
            Ok(_) => {}
            Err(error) if StoreError::is_unique_violation(&error) => {
                return Err(StoreError::Conflict(format!("The slug {} is taken.", new.slug)));
            }
            Err(error) => return Err(error.into()),
        }
        self.store.create_key(&transaction, Owner::Tenant(id)).await?;
        if let NewEdition::Cloud(branding) = &new.edition {
            insert_first_settings(&transaction, id.uuid(), branding, (&self.scope.actor().subject, now)).await?;
        }
        let detail = json!({ "slug": row.slug, "edition": row.edition });
        self.audit(&transaction, Entry::new("tenant.created", id, detail))
            .await?;
        transaction.commit().await?;
        tenant(row)
    }

    /// Tenants, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn tenants(&self, page: PageRequest) -> Result<Page<Tenant>, StoreError> {
        let mut rows = find_all();
        if let Some(after) = page.after {
            rows = rows.filter(tenant::Column::Id.lt(after.uuid()));
        }
        let rows = rows
            .order_by_desc(tenant::Column::Id)
            .limit(page.limit + 1)
            .all(self.store.read())
            .await?;
        Page::of(rows, page, |row| row.id).try_map(tenant)
    }

    /// One tenant.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn read_tenant(&self, id: TenantId) -> Result<Tenant, StoreError> {
        load(self.store.read(), id).await
    }

    /// Changes a tenant; `expected` is the version the change is based on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::VersionMismatch`].
    pub async fn change_tenant(
        &self,
        id: TenantId,
        change: TenantChange,
        expected: Option<i64>,
    ) -> Result<Tenant, StoreError> {
        let detail = json!({
            "name": change.name.as_ref().map(ToString::to_string),
            "limits": change.limits.as_ref().map(limits_json),
        });
        self.update(id, expected, Entry::new("tenant.changed", id, detail), |row| {
            if let Some(name) = change.name {
                row.name = Set(name.to_string());
            }
            if let Some(limits) = change.limits {
                row.limits = Set(limits_json(&limits).to_string());
            }
        })
        .await
    }

    /// Keeps a tenant from submitting and sending; what waits is held.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn suspend_tenant(&self, id: TenantId, reason: String) -> Result<Tenant, StoreError> {
        let now = self.store.now_ms();
        let entry = Entry::new("tenant.suspended", id, json!({ "reason": reason }));
        self.update(id, None, entry, |row| {
            row.suspended_at = Set(Some(now));
            row.suspended_reason = Set(Some(reason));
        })
        .await
    }

    /// Lets a tenant send again, beginning with what waited.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn resume_tenant(&self, id: TenantId) -> Result<Tenant, StoreError> {
        self.update(id, None, Entry::new("tenant.resumed", id, json!({})), |row| {
            row.suspended_at = Set(None);
            row.suspended_reason = Set(None);
        })
        .await
    }

    async fn update(
        &self,
        id: TenantId,
        expected: Option<i64>,
        entry: Entry,
        change: impl FnOnce(&mut tenant::ActiveModel),
    ) -> Result<Tenant, StoreError> {
        let transaction = self.store.begin().await?;
        let before = find_all()
            .filter(tenant::Column::Id.eq(id.uuid()))
            .one(&transaction)
            .await?
            .ok_or(StoreError::NotFound("tenant"))?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(StoreError::VersionMismatch {
                current: before.version,
            });
        }
        let mut row = before.clone().into_active_model();
        row.version = Set(before.version + 1);
        row.updated_at = Set(self.store.now_ms());
        change(&mut row);
        let after = row.update(&transaction).await?;
        self.audit(&transaction, entry).await?;
        // Within the transaction, as in a deletion: no group hands over mail of a tenant that is suspended by now.
        self.store.inner.kept.forget();
        transaction.commit().await?;
        self.store.wake();
        tenant(after)
    }
}

#[expect(clippy::disallowed_methods, reason = "tenants are the provider's rows")]
fn find_all() -> sea_orm::Select<tenant::Entity> {
    tenant::Entity::find()
}

pub(super) async fn load<C: ConnectionTrait>(connection: &C, id: TenantId) -> Result<Tenant, StoreError> {
    let row = find_all()
        .filter(tenant::Column::Id.eq(id.uuid()))
        .one(connection)
        .await?;
    tenant(row.ok_or(StoreError::NotFound("tenant"))?)
}

fn tenant(row: tenant::Model) -> Result<Tenant, StoreError> {
    let suspended = row.suspended_at.map(|at| Suspension {
        at: from_millis(at),
        reason: row.suspended_reason.unwrap_or_default(),
    });
    Ok(Tenant {
        id: TenantId::new(row.id),
        slug: row.slug.parse().map_err(|_| StoreError::Corrupt("slug"))?,
        name: row.name.parse().map_err(|_| StoreError::Corrupt("tenant name"))?,
        edition: row.edition.parse().map_err(|_| StoreError::Corrupt("edition"))?,
        limits: limits(&row.limits)?,
        suspended,
        version: row.version,
        created_at: from_millis(row.created_at),
        updated_at: from_millis(row.updated_at),
    })
}

fn limits_json(limits: &Limits) -> Value {
    json!({
        "messages_per_minute": limits.messages_per_minute,
        "messages_per_day": limits.messages_per_day,
        "max_queued": limits.max_queued,
        "requests_per_second": limits.requests_per_second,
        "test_emails_per_minute": limits.test_emails_per_minute,
        "test_emails_per_day": limits.test_emails_per_day,
        "codes_per_recipient_15min": limits.codes_per_recipient_15min,
        "weight": limits.weight,
    })
}

pub(crate) fn limits(text: &str) -> Result<Limits, StoreError> {
    let stored: Value = serde_json::from_str(text).map_err(|_| StoreError::Corrupt("limits"))?;
    let limit = |name: &str| {
        stored
            .get(name)
            .and_then(Value::as_u64)
            .and_then(|limit| u32::try_from(limit).ok())
    };
    Ok(Limits {
        messages_per_minute: limit("messages_per_minute"),
        messages_per_day: limit("messages_per_day"),
        max_queued: limit("max_queued"),
        requests_per_second: limit("requests_per_second"),
        test_emails_per_minute: limit("test_emails_per_minute"),
        test_emails_per_day: limit("test_emails_per_day"),
        codes_per_recipient_15min: limit("codes_per_recipient_15min"),
        weight: limit("weight"),
    })
}

/// A tenant's slots in a turn, of its stored limits.
pub(crate) fn weight_of(stored: &str) -> u32 {
    let weight = limits(stored).ok().and_then(|limits| limits.weight);
    weight.unwrap_or(1).clamp(1, MAX_WEIGHT)
}
