//! A PostgreSQL database of a test's own, on the server that the runner started.
//!
//! Tests run side by side, so none may see another's rows; and a test that is told nothing about a server runs on
//! `SQLite`, which is how one suite serves both stores.

use std::thread;

use domain::ids::{IdSource, TimeOrderedIds};
use tokio::runtime;
use tokio_postgres::NoTls;

use super::environment::{self, told_by_runner};

/// A database that is dropped with this value.
pub(crate) struct PostgresDatabase {
    server: String,
    name: String,
}

impl PostgresDatabase {
    /// Makes an empty database, or `None` when the run is for `SQLite`.
    pub(crate) fn create() -> Option<Self> {
        let server = told_by_runner(environment::POSTGRES)?;
        let database = Self {
            server: server.trim_end_matches('/').to_owned(),
            name: format!("letterhead_{}", TimeOrderedIds.next().simple()),
        };
        database.administer(&format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    /// What `LETTERHEAD_DATABASE_URL` takes.
    pub(crate) fn url(&self) -> String {
        self.url_of(&self.name)
    }

    fn url_of(&self, database: &str) -> String {
        format!("{}/{database}", self.server)
    }

    /// Runs one statement on the server's own database, on a thread and a runtime apart: `Drop` cannot await, and the
    /// test's runtime may already be gone.
    fn administer(&self, statement: &str) {
        let maintenance = self.url_of("postgres");
        let done = thread::scope(|scope| scope.spawn(|| execute(&maintenance, statement)).join());
        done.expect("the thread ends")
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

fn execute(url: &str, statement: &str) -> Result<(), tokio_postgres::Error> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute(statement).await
    })
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        // A second panic while a failed test unwinds would hide the first; the server is thrown away anyway.
        if !thread::panicking() {
            self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

mod tests {
    use super::*;

    #[test]
    fn two_databases_do_not_see_each_others_tables() {
        let (Some(one), Some(other)) = (PostgresDatabase::create(), PostgresDatabase::create()) else {
            return; // A run for SQLite.
        };

        execute(&one.url(), "CREATE TABLE letters (body text)").unwrap();

        assert!(execute(&one.url(), "SELECT body FROM letters").is_ok());
        assert!(execute(&other.url(), "SELECT body FROM letters").is_err());
    }
}
