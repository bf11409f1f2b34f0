//! A look at the database from outside the service: nothing is made, migrated or written, so that it can be taken beside a
//! service that runs, and before the first one does.

use std::{collections::HashSet, fs::File, io::Read as _, path::Path};

use domain::{
    clock::Clock,
    connection::{Cloud, Host},
    secret::Secret,
};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement};

use crate::{backend, database_url::DatabaseUrl, error::StoreError, seal};

/// Servers that are looked up at most; a provider with more has other means.
const MOST_SERVERS: u64 = 200;

/// What was found.
#[derive(Debug)]
pub struct Checkup {
    /// The database's own version.
    pub version: String,
    /// What could lose a confirmed commit, as (setting, value).
    pub unsafe_settings: Vec<(&'static str, String)>,
    /// How far the schema is.
    pub schema: Schema,
    /// How far the database's clock is ahead of this machine's, in milliseconds; none where it is the same clock.
    pub clock_ahead_ms: Option<i64>,
    /// How the connection is protected.
    pub wire: Wire,
    /// Whether the master key opens the data keys.
    pub keys: Keys,
    /// The SMTP servers that mail leaves to; empty unless the schema is current.
    pub servers: Vec<Server>,
    /// Microsoft's clouds that mail leaves to, likewise.
    pub clouds: Vec<Cloud>,
}

/// How far the schema is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schema {
    /// It is this program's.
    Current,
    /// Nothing is there yet.
    Empty,
    /// It lacks migrations; this is the first.
    Older(String),
    /// It has one that this program does not know.
    Newer(String),
}

/// How the connection to the database is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// It does not leave the machine.
    Local,
    /// By TLS.
    Tls,
    /// Not at all.
    Clear,
}

/// Whether the master key opens the data keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// There are none yet.
    None,
    /// It opens all of them.
    Open(usize),
    /// Some of them do not open.
    Closed {
        /// How many.
        closed: usize,
        /// Of how many.
        of: usize,
    },
}

/// A server that mail leaves to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    /// Whose it is, for people: a route's name, a tenant's slug.
    pub user: String,
    /// Where it is.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

/// Looks at a database. `keys` are those that may be its master key.
///
/// # Errors
/// [`StoreError::Unavailable`] where it does not answer.
pub async fn examine(url: &DatabaseUrl, keys: &[Secret<[u8; 32]>]) -> Result<Checkup, StoreError> {
    let database = backend::look(url).await?;
    let schema = schema(&database).await?;
    let (keys, servers, clouds) = match schema {
        Schema::Current => (
            seal::try_keys(&database, keys).await?,
            servers(&database).await?,
            clouds(&database).await?,
        ),
        Schema::Empty | Schema::Older(_) | Schema::Newer(_) => (Keys::None, Vec::new(), Vec::new()),
    };
    let checkup = Checkup {
        version: version(&database).await?,
        unsafe_settings: unsafe_settings(&database, url).await?,
        schema,
        clock_ahead_ms: clock_ahead(&database).await?,
        wire: wire(&database).await?,
        keys,
        servers,
        clouds,
    };
    database.close().await?;
    Ok(checkup)
}

fn is_postgres(database: &DatabaseConnection) -> bool {
    database.get_database_backend() == DbBackend::Postgres
}

async fn rows(database: &DatabaseConnection, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_string(database.get_database_backend(), sql);
    database.query_all_raw(statement).await
}

async fn text(database: &DatabaseConnection, sql: &str) -> Result<String, DbErr> {
    let rows = rows(database, sql).await?;
    let first = rows.first().map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(first.unwrap_or_default())
}

async fn version(database: &DatabaseConnection) -> Result<String, StoreError> {
    Ok(if is_postgres(database) {
        format!("PostgreSQL {}", text(database, "SHOW server_version").await?)
    } else {
        format!("SQLite {}", text(database, "SELECT sqlite_version()").await?)
    })
}

/// What the service would refuse, or could not know. What it sets for itself (`synchronous`) cannot be wrong.
async fn unsafe_settings(
    database: &DatabaseConnection,
    url: &DatabaseUrl,
) -> Result<Vec<(&'static str, String)>, StoreError> {
    if let DatabaseUrl::Sqlite(path) = url {
        let found = (!is_wal(path)).then(|| ("journal_mode", "not WAL".to_owned()));
        return Ok(found.into_iter().collect());
    }
    let mut found = Vec::new();
    // The last one the service asks for itself, but not every server grants it.
    for (name, sql) in [
        ("fsync", "SHOW fsync"),
        ("full_page_writes", "SHOW full_page_writes"),
        ("synchronous_commit", "SHOW synchronous_commit"),
    ] {
        let value = text(database, sql).await?;
        if value == "off" {
            found.push((name, value));
        }
    }
    Ok(found)
}

/// Whether an SQLite file is in WAL mode, by its header (sqlite.org, "Database File Format", §1.3.3): a connection that
/// takes the file for one that does not change does not tell.
fn is_wal(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header.ends_with(&[2, 2])
}

async fn schema(database: &DatabaseConnection) -> Result<Schema, StoreError> {
    let table = if is_postgres(database) {
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() \
         AND table_name = 'seaql_migrations'"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'"
    };
    if rows(database, table).await?.is_empty() {
        return Ok(Schema::Empty);
    }
    let applied = rows(database, "SELECT version FROM seaql_migrations ORDER BY version").await?;
    let applied: Vec<String> = applied
        .iter()
        .map(|row| row.try_get_by_index(0))
        .collect::<Result<_, _>>()?;
    let known: Vec<String> = Migrator::migrations().iter().map(|one| one.name().to_owned()).collect();
    if let Some(stranger) = applied.iter().find(|one| !known.contains(one)) {
        return Ok(Schema::Newer(stranger.clone()));
    }
    let missing = known.into_iter().find(|one| !applied.contains(one));
    Ok(missing.map_or(Schema::Current, Schema::Older))
}

async fn clock_ahead(database: &DatabaseConnection) -> Result<Option<i64>, StoreError> {
    if !is_postgres(database) {
        return Ok(None);
    }
    let clock = Clock::system();
    let sql = format!("SELECT {}", backend::clock_sql(DbBackend::Postgres));
    // Once for nothing, so that the measured one prepares no statement.
    rows(database, &sql).await?;
    let before = clock.now().timestamp_millis();
    let found = rows(database, &sql).await?;
    let after = clock.now().timestamp_millis();
    let theirs: i64 = found
        .first()
        .map(|row| row.try_get_by_index(0))
        .transpose()?
        .unwrap_or_default();
    Ok(Some(theirs - i64::midpoint(before, after)))
}

async fn wire(database: &DatabaseConnection) -> Result<Wire, StoreError> {
    if !is_postgres(database) {
        return Ok(Wire::Local);
    }
    let sql = "SELECT CASE WHEN s.ssl THEN 'tls' WHEN inet_server_addr() IS NULL \
               OR inet_server_addr() <<= inet '127.0.0.0/8' OR inet_server_addr() = inet '::1' THEN 'local' ELSE 'clear' END \
               FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()";
    Ok(match text(database, sql).await?.as_str() {
        "tls" => Wire::Tls,
        "local" => Wire::Local,
        _ => Wire::Clear,
    })
}

/// The routes that mail may take, and the servers of on-premises tenants' settings in force; each place once.
async fn servers(database: &DatabaseConnection) -> Result<Vec<Server>, StoreError> {
    let routes =
        "SELECT 'route ' || name, email_server, port FROM routes WHERE paused_at IS NULL ORDER BY priority, name";
    let own = "SELECT 'tenant ' || t.slug, s.email_server, s.port FROM email_settings s \
               JOIN tenants t ON t.id = s.tenant_id WHERE s.send_email_method = 'smtp' \
               AND s.version = (SELECT MAX(m.version) FROM email_settings m WHERE m.tenant_id = s.tenant_id) ORDER BY t.slug";
    let mut seen = HashSet::new();
    let mut servers = Vec::new();
    for sql in [routes, own] {
        for row in rows(database, &format!("{sql} LIMIT {MOST_SERVERS}")).await? {
            let server = server(&row)?;
            if seen.insert((server.host.clone(), server.port)) {
                servers.push(server);
            }
        }
    }
    Ok(servers)
}

/// The clouds of the O365 settings in force.
async fn clouds(database: &DatabaseConnection) -> Result<Vec<Cloud>, StoreError> {
    let sql = "SELECT DISTINCT s.cloud FROM email_settings s WHERE s.send_email_method = 'o365' AND s.cloud IS NOT NULL \
               AND s.version = (SELECT MAX(m.version) FROM email_settings m WHERE m.tenant_id = s.tenant_id) ORDER BY s.cloud";
    let rows = rows(database, sql).await?;
    rows.iter()
        .map(|row| {
            let cloud: String = row.try_get_by_index(0)?;
            cloud.parse().map_err(|_| StoreError::Corrupt("cloud"))
        })
        .collect()
}

fn server(row: &QueryResult) -> Result<Server, StoreError> {
    let host: String = row.try_get_by_index(1)?;
    let port: i64 = row.try_get_by_index(2)?;
    Ok(Server {
        user: row.try_get_by_index(0)?,
        host: host.parse().map_err(|_| StoreError::Corrupt("server name"))?,
        port: u16::try_from(port).map_err(|_| StoreError::Corrupt("port"))?,
    })
}
