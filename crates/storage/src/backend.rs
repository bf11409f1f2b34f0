//! All that differs between SQLite and PostgreSQL at run time: how to connect, how to begin, who may share.
//!
//! SQLite has one connection that writes and several that read; PostgreSQL has one pool. Both confirm a commit only when it
//! is on disk: 202 stands on that.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use domain::secret::{ExposeSecret, SecretText};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sqlx::{Connection as _, SqliteConnection};

use crate::{database_url::DatabaseUrl, error::StoreError};

/// Connections that read, at most, in one process.
const READERS: u32 = 8;
/// Connections to PostgreSQL, at most, in one process.
const POSTGRES_CONNECTIONS: u32 = 14;
/// Writers on PostgreSQL: one gathers while the other's commit is on its way to disk.
const POSTGRES_WRITERS: u32 = 2;
/// Statements that a connection keeps prepared: each kind of the outbox's, in each number of rows it comes in.
const STATEMENTS: usize = 512;
/// What every connection to PostgreSQL asks for. A plan that was made for small tables must not be kept while they grow.
const DURABLE: [(&str, &str); 2] = [("synchronous_commit", "on"), ("plan_cache_mode", "force_custom_plan")];
/// What the writers' ask for besides: their statements go by key and are planned once, perhaps while the tables are still
/// empty; a plan that reads a whole table must not be among them.
const BY_KEY: [(&str, &str); 7] = [
    ("synchronous_commit", "on"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];
/// How often what SQLite's write-ahead log holds is copied into the file, aside: the writer has better things to do.
pub(crate) const CHECKPOINT_EVERY: Duration = Duration::from_millis(500);
/// Pages of the log (64 MiB) after which the writer does it itself: only once all is copied can the log begin anew.
const CHECKPOINT_PAGES: &str = "16384";
/// Memory for pages of a connection that writes, and of one that reads, in KiB (negative, as SQLite wants it).
const WRITER_CACHE: &str = "-32768";
const READER_CACHE: &str = "-4096";
/// How long a statement waits for SQLite's lock, or a caller for a connection.
const WAIT: Duration = Duration::from_secs(5);

pub(crate) enum Backend {
    Sqlite {
        path: PathBuf,
        read: DatabaseConnection,
        write: DatabaseConnection,
    },
    Postgres {
        pool: DatabaseConnection,
        /// The writers' own: theirs are the statements of many texts, prepared once for each connection.
        writers: DatabaseConnection,
    },
}

/// An SQLite file held by this process alone; let go when dropped, also by a crash.
#[derive(Debug)]
pub struct Hold {
    _lock: Option<File>,
}

impl Backend {
    pub(crate) async fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) => Self::connect_sqlite(path).await,
            DatabaseUrl::Postgres(url) => Self::connect_postgres(url).await,
        }
    }

    async fn connect_sqlite(path: &Path) -> Result<Self, StoreError> {
        // The writer first: it makes the file and switches it to WAL.
        let write = Database::connect(sqlite_options(path, 1, WRITER_CACHE)).await?;
        let read = Database::connect(sqlite_options(path, READERS, READER_CACHE)).await?;
        Ok(Self::Sqlite {
            path: path.to_owned(),
            read,
            write,
        })
    }

    async fn connect_postgres(url: &SecretText) -> Result<Self, StoreError> {
        let pool = Database::connect(postgres_options(url, POSTGRES_CONNECTIONS, &DURABLE)).await?;
        refuse_unsafe_postgres(&pool).await?;
        let writers = Database::connect(postgres_options(url, POSTGRES_WRITERS, &BY_KEY)).await?;
        Ok(Self::Postgres { pool, writers })
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Writers that may work at once: on PostgreSQL one gathers while the other's commit is on its way to disk.
    pub(crate) const fn writers(&self) -> u32 {
        match self {
            Self::Sqlite { .. } => 1,
            Self::Postgres { .. } => POSTGRES_WRITERS,
        }
    }

    pub(crate) const fn read(&self) -> &DatabaseConnection {
        match self {
            Self::Sqlite { read, .. } => read,
            Self::Postgres { pool, .. } => pool,
        }
    }

    /// A transaction that may write.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        Ok(match self {
            // IMMEDIATE: the lock is waited for here, where waiting is harmless, and not at the first write.
            Self::Sqlite { write, .. } => {
                let options = TransactionOptions {
                    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                    ..TransactionOptions::default()
                };
                write.begin_with_options(options).await?
            }
            Self::Postgres { pool, .. } => pool.begin().await?,
        })
    }

    /// The connections of the writers, for a statement that is a transaction by itself.
    pub(crate) const fn writer(&self) -> &DatabaseConnection {
        match self {
            Self::Sqlite { write, .. } => write,
            Self::Postgres { writers, .. } => writers,
        }
    }

    /// A transaction of a writer.
    pub(crate) async fn begin_group(&self) -> Result<DatabaseTransaction, StoreError> {
        match self {
            Self::Sqlite { .. } => self.begin().await,
            Self::Postgres { writers, .. } => Ok(writers.begin().await?),
        }
    }

    /// Copies what the write-ahead log holds into the file. Only `SQLite` has one to be looked after.
    pub(crate) async fn checkpoint(&self) {
        let Self::Sqlite { read, .. } = self else {
            return;
        };
        if let Err(error) = read.execute_unprepared("PRAGMA wal_checkpoint(PASSIVE)").await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the write-ahead log was not copied; trying again"
            );
        }
    }

    /// Takes what was overwritten out of the log beside an SQLite file; PostgreSQL does so by itself in time.
    pub(crate) async fn truncate_log(&self) -> Result<(), StoreError> {
        if let Self::Sqlite { write, .. } = self {
            write.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
        Ok(())
    }

    pub(crate) fn hold(&self) -> Result<Hold, StoreError> {
        let Self::Sqlite { path, .. } = self else {
            return Ok(Hold { _lock: None });
        };
        let lock_path = path.with_extension("lock");
        let io = |source| StoreError::Io {
            path: lock_path.clone(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Hold { _lock: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.clone())),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

fn postgres_options(
    url: &SecretText,
    connections: u32,
    settings: &'static [(&'static str, &'static str)],
) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose_secret());
    options
        .max_connections(connections)
        .acquire_timeout(WAIT)
        .connect_timeout(WAIT)
        .sqlx_logging(false);
    options.map_sqlx_postgres_opts(move |options| {
        options
            .application_name("letterhead")
            .statement_cache_capacity(STATEMENTS)
            .options(settings.iter().copied())
    });
    options
}

fn sqlite_options(path: &Path, connections: u32, cache: &'static str) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", path.display()));
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(WAIT * 6)
        .sqlx_logging(false);
    // Nothing is gained by closing a file's connections, and a reopened one has no prepared statements.
    options.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
    options.map_sqlx_sqlite_before_acquire(|connection, _| Box::pin(is_outside_transactions(connection)));
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .busy_timeout(WAIT)
            .foreign_keys(true)
            .statement_cache_capacity(STATEMENTS)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .pragma("secure_delete", "ON")
            // Else a statement over many rows keeps what it may have to undo in a file of its own.
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", cache)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
    });
    options
}

/// One connection that cannot write, and that makes no file where there is none.
pub(crate) async fn look(url: &DatabaseUrl) -> Result<DatabaseConnection, StoreError> {
    let mut options = match url {
        DatabaseUrl::Sqlite(path) => {
            let mut options = ConnectOptions::new(format!("sqlite://{}?mode=ro", path.display()));
            // Without a log nobody has the file open; reading it as one that does not change makes no log either.
            let closed = !Path::new(&format!("{}-wal", path.display())).exists();
            options.map_sqlx_sqlite_opts(move |options| options.busy_timeout(WAIT).immutable(closed));
            options
        }
        DatabaseUrl::Postgres(url) => {
            let mut options = ConnectOptions::new(url.expose_secret());
            options.map_sqlx_postgres_opts(|options| {
                options
                    .application_name("letterhead doctor")
                    .options([("synchronous_commit", "on"), ("default_transaction_read_only", "on")])
            });
            options
        }
    };
    options
        .max_connections(1)
        .acquire_timeout(WAIT)
        .connect_timeout(WAIT)
        .sqlx_logging(false);
    Ok(Database::connect(options).await?)
}

/// Whether a connection that was given back may be used again.
///
/// A full disk makes SQLite roll a transaction back by itself, which the driver does not see: it goes on counting one, and
/// would take a later commit for that of a savepoint, which commits nothing. A connection whose count is off is thrown away.
async fn is_outside_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // Perhaps only a rollback that still waits for the connection's thread, which takes things in order.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// The expression for the database's own clock, in milliseconds; a test's shift is added where it is used.
pub(crate) const fn clock_sql(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        DbBackend::MySql | DbBackend::Sqlite | _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    }
}

async fn refuse_unsafe_postgres(pool: &DatabaseConnection) -> Result<(), StoreError> {
    for (setting, refused) in [
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
    ] {
        let statement = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
        let row = pool.query_one_raw(statement).await?;
        let value: String = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        if value == refused {
            return Err(StoreError::Unsafe(format!(
                "PostgreSQL runs with {setting}={refused} and could lose accepted mail; set it to on"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_confirms_a_commit_only_when_it_is_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let backend = Backend::connect(&DatabaseUrl::Sqlite(folder.path().join("l.db")))
            .await
            .unwrap();
        let transaction = backend.begin().await.unwrap();
        let pragma = async |name: &str| {
            let statement = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {name}"));
            let row = transaction.query_one_raw(statement).await.unwrap().unwrap();
            row.try_get_by_index::<i64>(0)
                .map_or_else(|_| row.try_get_by_index::<String>(0).unwrap(), |n| n.to_string())
        };
        // 2 is FULL.
        assert_eq!(pragma("synchronous").await, "2");
        assert_eq!(pragma("journal_mode").await, "wal");
        assert_eq!(pragma("foreign_keys").await, "1");
    }

    #[tokio::test]
    async fn after_a_full_disk_a_commit_is_a_commit_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let backend = Backend::connect(&DatabaseUrl::Sqlite(path)).await.unwrap();
        let setup = backend.begin().await.unwrap();
        setup
            .execute_unprepared("CREATE TABLE letters (body BLOB)")
            .await
            .unwrap();
        setup.commit().await.unwrap();
        let crowded = backend.begin().await.unwrap();
        crowded.execute_unprepared("PRAGMA max_page_count = 8").await.unwrap();
        let too_much = "INSERT INTO letters VALUES (zeroblob(100000))";
        assert!(crowded.execute_unprepared(too_much).await.is_err());
        drop(crowded);
        // What is rolled back next must not leave a transaction open for what is committed after it.
        drop(backend.begin().await.unwrap());

        let transaction = backend.begin().await.unwrap();
        transaction
            .execute_unprepared("INSERT INTO letters VALUES (x'01')")
            .await
            .unwrap();
        transaction.commit().await.unwrap();

        let statement = Statement::from_string(DbBackend::Sqlite, "SELECT count(*) FROM letters");
        let row = backend.read().query_one_raw(statement).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 1);
    }

    #[test]
    fn two_holders_of_one_file_do_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (one, other) = runtime.block_on(async {
            let url = DatabaseUrl::Sqlite(path);
            (
                Backend::connect(&url).await.unwrap(),
                Backend::connect(&url).await.unwrap(),
            )
        });
        let held = one.hold().unwrap();
        assert!(matches!(other.hold(), Err(StoreError::InUse(_))));
        drop(held);
        assert!(other.hold().is_ok());
    }
}
