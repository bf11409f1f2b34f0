//! Bare inserts into PostgreSQL: one array a column (`UNNEST`), the fastest that was found short of `COPY`, over as many
//! connections as Letterhead has writers.

use anyhow::{Context as _, Result, bail};
use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, PgConnection, Postgres, Row as _, TypeInfo as _, ValueRef as _,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use super::{Cell, TABLES, Table, groups};

/// Two writers: while one waits for its flush the other inserts.
const WRITERS: usize = 2;

/// Groups for each connection.
pub(crate) struct Groups {
    writers: Vec<(PgConnection, Vec<Vec<Insert>>)>,
}

/// Table of one table, turned into columns.
struct Insert {
    sql: String,
    columns: Vec<Values>,
}

/// The values of one column.
enum Values {
    Ids(Vec<Option<Uuid>>),
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Groups {
    pub(super) async fn prepare(url: &str, messages: u32) -> Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        let (mut template, mut types) = (Vec::new(), Vec::new());
        for table in TABLES {
            let (rows, of_columns) = read(&mut connection, table).await?;
            template.push(rows);
            types.push(of_columns);
        }
        let mut writers = vec![(connection, Vec::new())];
        while writers.len() < WRITERS {
            writers.push((PgConnection::connect(url).await?, Vec::new()));
        }
        for (number, group) in groups(&template, messages)?.into_iter().enumerate() {
            let tables = group
                .into_iter()
                .zip(&types)
                .map(|(rows, types)| Insert::of(rows, types));
            let (_, groups) = writers.get_mut(number % WRITERS).context("no writer")?;
            groups.push(tables.collect::<Result<_>>()?);
        }
        Ok(Self { writers })
    }

    pub(super) async fn insert(self) -> Result<()> {
        let writers = self
            .writers
            .into_iter()
            .map(|(connection, groups)| tokio::spawn(write(connection, groups)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await??;
        }
        Ok(())
    }
}

async fn write(mut connection: PgConnection, groups: Vec<Vec<Insert>>) -> Result<()> {
    for group in groups {
        let mut transaction = connection.begin().await?;
        for Insert { sql, columns } in group {
            let bound = columns.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), bind);
            bound.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}

fn bind(query: Query<'_, Postgres, PgArguments>, values: Values) -> Query<'_, Postgres, PgArguments> {
    match values {
        Values::Ids(values) => query.bind(values),
        Values::Ints(values) => query.bind(values),
        Values::Texts(values) => query.bind(values),
        Values::Bytes(values) => query.bind(values),
    }
}

impl Insert {
    fn of(rows: Table, types: &[String]) -> Result<Self> {
        let Table { name, columns, rows } = rows;
        let arrays = types
            .iter()
            .zip(1..)
            .map(|(name, number)| format!("${number}::{name}[]"));
        let arrays = arrays.collect::<Vec<_>>().join(", ");
        let sql = format!(
            "INSERT INTO {name} ({}) SELECT * FROM UNNEST({arrays})",
            columns.join(", ")
        );
        let mut values = types.iter().map(|name| Values::of(name)).collect::<Result<Vec<_>>>()?;
        for row in rows {
            for (values, cell) in values.iter_mut().zip(row) {
                values.push(cell)?;
            }
        }
        Ok(Self { sql, columns: values })
    }
}

impl Values {
    fn of(type_name: &str) -> Result<Self> {
        Ok(match type_name {
            "UUID" => Self::Ids(Vec::new()),
            "INT8" => Self::Ints(Vec::new()),
            "TEXT" => Self::Texts(Vec::new()),
            "BYTEA" => Self::Bytes(Vec::new()),
            other => bail!("the bench does not know the type {other}"),
        })
    }

    fn push(&mut self, cell: Cell) -> Result<()> {
        match (self, cell) {
            (Self::Ids(values), Cell::Null) => values.push(None),
            (Self::Ids(values), Cell::Id(value)) => values.push(Some(value)),
            (Self::Ints(values), Cell::Null) => values.push(None),
            (Self::Ints(values), Cell::Int(value)) => values.push(Some(value)),
            (Self::Texts(values), Cell::Null) => values.push(None),
            (Self::Texts(values), Cell::Text(value)) => values.push(Some(value)),
            (Self::Bytes(values), Cell::Null) => values.push(None),
            (Self::Bytes(values), Cell::Bytes(value)) => values.push(Some(value)),
            (_, cell) => bail!("a value of another type than its column: {cell:?}"),
        }
        Ok(())
    }
}

/// The rows of a table and the types of its columns.
async fn read(connection: &mut PgConnection, table: &'static str) -> Result<(Table, Vec<String>)> {
    let found = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}")))
        .fetch_all(connection)
        .await?;
    let first = found.first().with_context(|| format!("nothing in {table}"))?;
    let types = first
        .columns()
        .iter()
        .map(|column| column.type_info().name().to_owned())
        .collect();
    let rows = Table {
        name: table,
        columns: first.columns().iter().map(|column| column.name().to_owned()).collect(),
        rows: found.iter().map(cells).collect::<Result<_>>()?,
    };
    Ok((rows, types))
}

fn cells(row: &PgRow) -> Result<Vec<Cell>> {
    let cell = |column: &sqlx::postgres::PgColumn| {
        let at = column.ordinal();
        if row.try_get_raw(at)?.is_null() {
            return Ok(Cell::Null);
        }
        Ok(match column.type_info().name() {
            "UUID" => Cell::Id(row.try_get(at)?),
            "INT8" => Cell::Int(row.try_get(at)?),
            "TEXT" => Cell::Text(row.try_get(at)?),
            "BYTEA" => Cell::Bytes(row.try_get(at)?),
            other => bail!("the bench does not know the type {other} of {}", column.name()),
        })
    };
    row.columns().iter().map(cell).collect()
}
