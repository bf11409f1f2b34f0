//! Opening the store: key, connection, schema, first operator; each failure in a line that says how to mend it.

use std::sync::Arc;

use domain::{access::ProviderScope, clock::Clock, ids::IdSource};
use storage::{DatabaseUrl, Hold, Store, StoreConfig, StoreError};

use super::ensure_folder;
use crate::{
    commands::serve::Migrations,
    config::Config,
    master_key::{KeyFile, load_or_create_master_key},
    start_error::StartError,
};

/// A store that is connected, held where it can be held, current, and has its first operator.
pub(super) async fn prepare_store(
    config: &Config,
    migrations: Migrations,
    clock: Clock,
    ids: Arc<dyn IdSource>,
) -> Result<(Store, Hold), StartError> {
    let store = connect(config, clock, ids).await?;
    let failed = |error| store_failed(config, &error);
    let hold = store.hold().map_err(failed)?;
    match migrations {
        Migrations::Apply => store.migrate().await.map_err(failed)?,
        Migrations::Require => store.require_current_schema().await.map_err(failed)?,
    }
    settle_key(config, &store)?;
    if !store.is_shared() {
        store.reclaim_every_lease().await.map_err(failed)?;
    }
    if let Some(bootstrap) = &config.bootstrap {
        let scope = ProviderScope::of_the_process("bootstrap");
        store
            .provider(&scope)
            .ensure_operator(&bootstrap.id, &bootstrap.secret)
            .await
            .map_err(failed)?;
    }
    Ok((store, hold))
}

/// A store for a command that runs beside the service; its schema must be current, or is brought up.
///
/// # Errors
/// [`StartError`].
pub async fn open_store(config: &Config, migrations: Migrations, ids: Arc<dyn IdSource>) -> Result<Store, StartError> {
    let store = connect(config, Clock::system(), ids).await?;
    let opened = match migrations {
        Migrations::Apply => store.migrate().await,
        Migrations::Require => store.require_current_schema().await,
    };
    opened.map_err(|error| store_failed(config, &error))?;
    settle_key(config, &store)?;
    Ok(store)
}

/// A store that no other process has where it can have only one.
pub struct Alone {
    /// The store.
    pub store: Store,
    /// Keeps it; until dropped.
    pub hold: Hold,
}

/// A store for a command that must not run beside the service where the store cannot be shared; its schema must be current.
///
/// # Errors
/// [`StartError`].
pub async fn open_alone(config: &Config, ids: Arc<dyn IdSource>) -> Result<Alone, StartError> {
    let store = connect(config, Clock::system(), ids).await?;
    let failed = |error| store_failed(config, &error);
    let hold = store.hold().map_err(failed)?;
    store.require_current_schema().await.map_err(failed)?;
    settle_key(config, &store)?;
    Ok(Alone { store, hold })
}

/// Ends a rotation of the master key that was cut short.
fn settle_key(config: &Config, store: &Store) -> Result<(), StartError> {
    KeyFile::of(config).map_or(Ok(()), |file| file.settle(store))
}

async fn connect(config: &Config, clock: Clock, ids: Arc<dyn IdSource>) -> Result<Store, StartError> {
    if let DatabaseUrl::Sqlite(path) = &config.database_url
        && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        ensure_folder(folder)?;
    }
    let store = StoreConfig {
        url: config.database_url.clone(),
        master_key: load_or_create_master_key(config)?,
        clock,
        ids,
    };
    let store = Store::connect(store)
        .await
        .map_err(|error| store_failed(config, &error))?;
    if let Some(file) = KeyFile::of(config) {
        store.look_for_master_keys(move || file.candidates());
    }
    Ok(store)
}

/// A store's refusal, in a line.
pub(crate) fn store_failed(config: &Config, error: &StoreError) -> StartError {
    match error {
        StoreError::InUse(path) => StartError::second_serve(path),
        StoreError::SchemaTooNew(found) => StartError::schema_newer(found),
        StoreError::SchemaTooOld(first) => StartError::schema_older(first),
        StoreError::Unavailable(source) => {
            StartError::database_unreachable(&config.database_shown(), &root_cause(source))
        }
        StoreError::WrongMasterKey => StartError::new(
            "the master key is not the one this database was made with",
            "set LETTERHEAD_MASTER_KEY, or master.key in the data folder, to that key",
        ),
        StoreError::Unsafe(what) => StartError::new("the database could lose accepted mail", what),
        StoreError::NotFound(_)
        | StoreError::Conflict(_)
        | StoreError::VersionMismatch { .. }
        | StoreError::KeyReused
        | StoreError::RateLimited { .. }
        | StoreError::QuotaExceeded { .. }
        | StoreError::Busy
        | StoreError::Tampered(_)
        | StoreError::Corrupt(_)
        | StoreError::Io { .. } => StartError::new(
            format!("the store cannot be used ({})", root_cause(error)),
            "see the operator guide",
        ),
    }
}

/// The innermost cause: what the driver or the system really said.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
