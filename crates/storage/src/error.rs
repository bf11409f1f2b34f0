//! What can go wrong in the store, named by what the caller can do about it.

use std::path::PathBuf;

use sea_orm::{DbErr, SqlErr};

/// A call that did not do what it was asked to; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such row in this scope.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The state of what is there forbids it.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else changed it since the caller read it.
    #[error("the resource has version {current}, not the one the change is based on")]
    VersionMismatch {
        /// What it has now.
        current: i64,
    },
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body")]
    KeyReused,
    /// The tenant submits faster than it may.
    #[error("more messages a minute than this tenant may submit")]
    RateLimited {
        /// When there is room for these.
        retry_after: std::time::Duration,
    },
    /// The tenant has as much as it may have.
    #[error("the tenant's limit {limit} is reached")]
    QuotaExceeded {
        /// Which limit.
        limit: &'static str,
        /// When it is worth trying again.
        retry_after: std::time::Duration,
    },
    /// More work is waiting than may.
    #[error("the store has as much work as it can take; try again")]
    Busy,
    /// The database does not answer; try again.
    #[error("the database is unavailable")]
    Unavailable(#[source] DbErr),
    /// The database is set up so that it can lose what it has confirmed.
    #[error("{0}")]
    Unsafe(String),
    /// The schema was made by a newer program.
    #[error("the schema has the migration {0}, which this program does not know")]
    SchemaTooNew(String),
    /// The schema lacks migrations and may not be changed.
    #[error("the schema lacks the migration {0}")]
    SchemaTooOld(String),
    /// Another process has this SQLite file.
    #[error("another process has {}", .0.display())]
    InUse(PathBuf),
    /// The master key is not the one this store was made with.
    #[error("the master key is not the one this database was made with")]
    WrongMasterKey,
    /// A sealed value was changed or moved.
    #[error("a sealed value of {0} does not open")]
    Tampered(&'static str),
    /// A stored value is none of ours.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str),
    /// The operating system refused.
    #[error("the file {path} cannot be used")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl StoreError {
    pub(crate) fn is_unique_violation(error: &DbErr) -> bool {
        matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        Self::Unavailable(error)
    }
}
