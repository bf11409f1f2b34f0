//! The shared relay's smarthosts. Their passwords are sealed and come out only into a [`Route`] for the relay.

use domain::{
    clock::{from_millis, to_millis},
    connection::{Credentials, PasswordChange, Paused, Proof, Route, SmtpServer},
    ids::RouteId,
    secret::{ExposeSecret, secret_text},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};
use serde_json::json;

use super::{ProviderStore, relay_state::routes_changed};
use crate::{
    Store,
    audit::Entry,
    entity::route,
    error::StoreError,
    page::{Page, PageRequest},
    seal::{Owner, Place},
};

/// A route as an operator writes it.
#[derive(Debug, Clone)]
pub struct RouteChange {
    /// Its name.
    pub name: String,
    /// The server, with the user name but without the password.
    pub server: SmtpServer,
    /// The user name.
    pub username: Option<String>,
    /// What becomes of the password.
    pub password: PasswordChange,
    /// Connections at most.
    pub max_connections: u32,
    /// Messages a second at most.
    pub messages_per_second: Option<u32>,
    /// Lower goes first.
    pub priority: i32,
    /// Share among equals.
    pub weight: u32,
}

impl ProviderStore<'_> {
    /// Makes a route; waiting mail may use it at once.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the name is taken.
    pub async fn create_route(&self, new: RouteChange) -> Result<Route, StoreError> {
        let id = RouteId::generate(self.store.ids());
        let now = self.store.now_ms();
        let mut row = route::ActiveModel {
            id: Set(id.uuid()),
            password_sealed: Set(None),
            paused_at: Set(None),
            paused_reason: Set(None),
            version: Set(1),
            created_at: Set(now),
            ..<route::ActiveModel as Default>::default()
        };
        self.apply(&mut row, id, new, now)?;
        let transaction = self.store.begin().await?;
        let row = unique(row.insert(&transaction).await)?;
        self.audit(
            &transaction,
            Entry::new(
                "route.created",
                id,
                json!({ "name": row.name, "email_server": row.email_server }),
            ),
        )
        .await?;
        self.commit_and_release(transaction).await?;
        self.store.route(row)
    }

    /// Routes, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn routes(&self, page: PageRequest) -> Result<Page<Route>, StoreError> {
        let mut rows = find_all();
        if let Some(after) = page.after {
            rows = rows.filter(route::Column::Id.lt(after.uuid()));
        }
        let rows = rows
            .order_by_desc(route::Column::Id)
            .limit(page.limit + 1)
            .all(self.store.read())
            .await?;
        Page::of(rows, page, |row| row.id).try_map(|row| self.store.route(row))
    }

    /// One route.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn route(&self, id: RouteId) -> Result<Route, StoreError> {
        self.store.route(one(self.store.read(), id).await?)
    }

    /// Changes a route; `expected` is the version the change is based on. Mail it held is tried again at once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::VersionMismatch`], [`StoreError::Conflict`] where the name is taken.
    pub async fn change_route(
        &self,
        id: RouteId,
        change: RouteChange,
        expected: Option<i64>,
    ) -> Result<Route, StoreError> {
        let transaction = self.store.begin().await?;
        let before = one(&transaction, id).await?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(StoreError::VersionMismatch {
                current: before.version,
            });
        }
        let secret = !matches!(change.password, PasswordChange::Keep);
        let mut row = before.clone().into_active_model();
        row.version = Set(before.version + 1);
        self.apply(&mut row, id, change, self.store.now_ms())?;
        let after = unique(row.update(&transaction).await)?;
        let detail = json!({
            "name": after.name, "email_server": after.email_server, "port": after.port, "security": after.security,
            "password": if secret { "changed" } else { "kept" },
        });
        self.audit(&transaction, Entry::new("route.changed", id, detail))
            .await?;
        self.commit_and_release(transaction).await?;
        self.store.route(after)
    }

    /// Deletes a route; its waiting mail goes by the others.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_route(&self, id: RouteId) -> Result<(), StoreError> {
        let transaction = self.store.begin().await?;
        let row = one(&transaction, id).await?;
        row.into_active_model().delete(&transaction).await?;
        self.audit(&transaction, Entry::new("route.deleted", id, json!({})))
            .await?;
        routes_changed(&transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Keeps mail from a route, or lets it go there again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_route_paused(&self, id: RouteId, paused: Option<Paused>) -> Result<Route, StoreError> {
        let transaction = self.store.begin().await?;
        let before = one(&transaction, id).await?;
        let action = if paused.is_some() {
            "route.paused"
        } else {
            "route.resumed"
        };
        let reason = paused.as_ref().and_then(|paused| paused.reason.clone());
        let mut row = before.clone().into_active_model();
        row.version = Set(before.version + 1);
        row.updated_at = Set(self.store.now_ms());
        row.paused_at = Set(paused.map(|paused| to_millis(paused.at)));
        row.paused_reason = Set(reason.clone());
        let after = row.update(&transaction).await?;
        self.audit(&transaction, Entry::new(action, id, json!({ "reason": reason })))
            .await?;
        self.commit_and_release(transaction).await?;
        self.store.route(after)
    }

    fn apply(
        &self,
        row: &mut route::ActiveModel,
        id: RouteId,
        change: RouteChange,
        now: i64,
    ) -> Result<(), StoreError> {
        row.name = Set(change.name);
        row.email_server = Set(change.server.host.to_string());
        row.port = Set(i64::from(change.server.port));
        row.security = Set(change.server.security.as_str().to_owned());
        row.ca_certificate_pem = Set(change.server.ca_certificate_pem);
        row.username = Set(change.username);
        match change.password {
            PasswordChange::Keep => {}
            PasswordChange::Remove => row.password_sealed = Set(None),
            PasswordChange::Set(password) => {
                let sealed = self.store.keyring().seal(
                    password_place(id.uuid().as_bytes()),
                    password.expose_secret().as_bytes(),
                )?;
                row.password_sealed = Set(Some(sealed));
            }
        }
        row.max_connections = Set(i64::from(change.max_connections));
        row.messages_per_second = Set(change.messages_per_second.map(i64::from));
        row.priority = Set(i64::from(change.priority));
        row.weight = Set(i64::from(change.weight));
        row.updated_at = Set(now);
        Ok(())
    }

    /// Commits, so that every later claim sees the change, makes mail that the old configuration held due now, and wakes the
    /// relay.
    async fn commit_and_release(&self, transaction: DatabaseTransaction) -> Result<(), StoreError> {
        routes_changed(&transaction).await?;
        transaction.commit().await?;
        // Apart: the claims that the one waited for may hold what the other wants. Undone, it is only tried a little later.
        let release = self.store.begin().await?;
        crate::outbox::release_held(&release, self.store.now_ms()).await?;
        release.commit().await?;
        self.store.wake();
        Ok(())
    }
}

impl Store {
    /// The routes that mail may take now, best first.
    pub(crate) async fn usable_routes<C: ConnectionTrait>(&self, connection: &C) -> Result<Vec<Route>, StoreError> {
        let rows = find_all()
            .filter(route::Column::PausedAt.is_null())
            .order_by_asc(route::Column::Priority)
            .order_by_asc(route::Column::Id)
            .all(connection)
            .await?;
        rows.into_iter().map(|row| self.route(row)).collect()
    }

    fn route(&self, row: route::Model) -> Result<Route, StoreError> {
        let password = match &row.password_sealed {
            None => None,
            Some(sealed) => {
                let plain = self.unseal(password_place(row.id.as_bytes()), sealed)?;
                let text = std::str::from_utf8(&plain).map_err(|_| StoreError::Tampered("routes.password_sealed"))?;
                Some(secret_text(text))
            }
        };
        let credentials = row.username.map(|username| Credentials {
            username,
            proof: Proof::Password(password.unwrap_or_default()),
        });
        Ok(Route {
            id: RouteId::new(row.id),
            name: row.name,
            server: SmtpServer {
                host: row
                    .email_server
                    .parse()
                    .map_err(|_| StoreError::Corrupt("server name"))?,
                port: u16::try_from(row.port).map_err(|_| StoreError::Corrupt("port"))?,
                security: row.security.parse().map_err(|_| StoreError::Corrupt("security"))?,
                credentials,
                ca_certificate_pem: row.ca_certificate_pem,
            },
            max_connections: u32::try_from(row.max_connections).unwrap_or(1),
            messages_per_second: row.messages_per_second.and_then(|rate| u32::try_from(rate).ok()),
            priority: i32::try_from(row.priority).unwrap_or_default(),
            weight: u32::try_from(row.weight).unwrap_or(1),
            version: row.version,
            paused: row.paused_at.map(|at| Paused {
                at: from_millis(at),
                reason: row.paused_reason,
            }),
        })
    }
}

const fn password_place(row: &[u8]) -> Place<'_> {
    Place {
        owner: Owner::Provider,
        column: "routes.password_sealed",
        row,
    }
}

fn unique(done: Result<route::Model, sea_orm::DbErr>) -> Result<route::Model, StoreError> {
    done.map_err(|error| {
        if StoreError::is_unique_violation(&error) {
            StoreError::Conflict("Another route has this name.".to_owned())
        } else {
            error.into()
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "routes are the provider's rows")]
pub(super) fn find_all() -> sea_orm::Select<route::Entity> {
    route::Entity::find()
}

async fn one<C: ConnectionTrait>(connection: &C, id: RouteId) -> Result<route::Model, StoreError> {
    let row = find_all()
        .filter(route::Column::Id.eq(id.uuid()))
        .one(connection)
        .await?;
    row.ok_or(StoreError::NotFound("route"))
}
