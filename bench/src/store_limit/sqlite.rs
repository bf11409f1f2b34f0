//! Bare inserts into SQLite, as durable as Letterhead's: WAL, `synchronous=FULL`, foreign keys.

use std::{fmt::Write as _, str::FromStr as _};

use anyhow::{Result, bail};
use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, Row as _, Sqlite, SqliteConnection, TypeInfo as _, ValueRef as _,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};
use uuid::Uuid;

use super::{Cell, TABLES, Table, groups};

/// An id is a blob of this length in a column of such a name.
const ID_LENGTH: usize = 16;

/// Groups for one connection: there is one writer.
pub(crate) struct Groups {
    connection: SqliteConnection,
    groups: Vec<Vec<Table>>,
}

impl Groups {
    pub(super) async fn prepare(url: &str, messages: u32) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mut template = Vec::new();
        for table in TABLES {
            template.push(read(&mut connection, table).await?);
        }
        Ok(Self {
            connection,
            groups: groups(&template, messages)?,
        })
    }

    pub(super) async fn insert(mut self) -> Result<()> {
        for group in self.groups {
            let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
            for rows in group {
                let sql = AssertSqlSafe(statement(&rows));
                let bound = rows.rows.into_iter().flatten().fold(sqlx::query(sql), bind);
                bound.execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        }
        Ok(())
    }
}

fn statement(rows: &Table) -> String {
    let Table { name, columns, .. } = rows;
    let mut sql = format!("INSERT INTO {name} ({}) VALUES ", columns.join(", "));
    let one = format!("({})", vec!["?"; columns.len()].join(", "));
    for number in 0..rows.rows.len() {
        // Writing to a String cannot fail.
        let _ = write!(sql, "{}{one}", if number == 0 { "" } else { ", " });
    }
    sql
}

fn bind(query: Query<'_, Sqlite, SqliteArguments>, cell: Cell) -> Query<'_, Sqlite, SqliteArguments> {
    match cell {
        Cell::Null => query.bind(None::<i64>),
        Cell::Int(value) => query.bind(value),
        Cell::Text(value) => query.bind(value),
        Cell::Bytes(value) => query.bind(value),
        Cell::Id(value) => query.bind(value),
    }
}

async fn read(connection: &mut SqliteConnection, table: &'static str) -> Result<Table> {
    let found = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}")))
        .fetch_all(connection)
        .await?;
    let names = |row: &SqliteRow| row.columns().iter().map(|column| column.name().to_owned()).collect();
    Ok(Table {
        name: table,
        columns: found.first().map(names).unwrap_or_default(),
        rows: found.iter().map(cells).collect::<Result<_>>()?,
    })
}

fn cells(row: &SqliteRow) -> Result<Vec<Cell>> {
    let cell = |column: &sqlx::sqlite::SqliteColumn| {
        let (at, name) = (column.ordinal(), column.name());
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Cell::Null);
        }
        Ok(match raw.type_info().name() {
            "INTEGER" => Cell::Int(row.try_get(at)?),
            "TEXT" => Cell::Text(row.try_get(at)?),
            "BLOB" => {
                let bytes: Vec<u8> = row.try_get(at)?;
                let is_id = bytes.len() == ID_LENGTH && (name == "id" || name.ends_with("_id"));
                if is_id {
                    Cell::Id(Uuid::from_slice(&bytes)?)
                } else {
                    Cell::Bytes(bytes)
                }
            }
            other => bail!("the bench does not know the type {other} of {name}"),
        })
    };
    row.columns().iter().map(cell).collect()
}
