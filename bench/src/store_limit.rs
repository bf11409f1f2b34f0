//! What the store itself can take: the rows of one submission, over and over, by bare multi-row inserts in transactions of
//! 256 messages.
//!
//! The rows are those that Letterhead wrote for a message, read back column by column and given fresh ids, so that the
//! limit is always that of the present schema.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use domain::ids::{IdSource as _, TimeOrderedIds};
use uuid::Uuid;

mod postgres;
mod sqlite;

/// The tables that a submission fills, .
const TABLES: [&str; 2] = ["messages", "deliveries"];
/// Messages of a transaction: as many as Letterhead's writer takes.
const GROUP: u32 = 256;
/// The column whose value all messages share.
const TENANT: &str = "tenant_id";

/// A value, as both stores have them.
#[derive(Debug, Clone)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Id(Uuid),
}

/// Rows of one table.
#[derive(Debug, Clone)]
struct Table {
    name: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// Groups ready to be inserted.
pub(crate) enum StoreLimit {
    Sqlite(sqlite::Groups),
    Postgres(postgres::Groups),
}

impl StoreLimit {
    /// Reads the one message that is in the database and prepares `messages` copies.
    pub(crate) async fn prepare(url: &str, messages: u32) -> Result<Self> {
        if url.starts_with("postgres:") {
            return Ok(Self::Postgres(postgres::Groups::prepare(url, messages).await?));
        }
        Ok(Self::Sqlite(sqlite::Groups::prepare(url, messages).await?))
    }

    /// Inserts them all; how long that took.
    pub(crate) async fn insert(self) -> Result<Duration> {
        let began = Instant::now();
        match self {
            Self::Sqlite(groups) => groups.insert().await?,
            Self::Postgres(groups) => groups.insert().await?,
        }
        Ok(began.elapsed())
    }
}

/// Copies of a submission's rows in groups, each message under ids of its own.
fn groups(template: &[Table], messages: u32) -> Result<Vec<Vec<Table>>> {
    if template.iter().any(|table| table.rows.is_empty()) {
        bail!("a submission no longer fills {TABLES:?}; mend the bench");
    }
    let mut all = Vec::new();
    let mut left = messages;
    while left > 0 {
        let size = left.min(GROUP);
        let mut group: Vec<Table> = template.iter().map(|table| table.with(Vec::new())).collect();
        for _ in 0..size {
            let mut fresh = HashMap::new();
            for (into, from) in group.iter_mut().zip(template) {
                into.rows.extend(from.copy(&mut fresh));
            }
        }
        all.push(group);
        left -= size;
    }
    Ok(all)
}

impl Table {
    fn with(&self, rows: Vec<Vec<Cell>>) -> Self {
        Self {
            name: self.name,
            columns: self.columns.clone(),
            rows,
        }
    }

    /// The rows with every id but the tenant's replaced, the same one always by the same one.
    fn copy(&self, fresh: &mut HashMap<Uuid, Uuid>) -> Vec<Vec<Cell>> {
        let mut cell = |column: &str, cell: &Cell| match cell {
            Cell::Id(id) if column != TENANT => Cell::Id(*fresh.entry(*id).or_insert_with(|| TimeOrderedIds.next())),
            Cell::Id(_) | Cell::Null | Cell::Int(_) | Cell::Text(_) | Cell::Bytes(_) => cell.clone(),
        };
        let rows = self.rows.iter();
        rows.map(|row| {
            self.columns
                .iter()
                .zip(row)
                .map(|(column, value)| cell(column, value))
                .collect()
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_refer_to_each_other_as_their_template_does() {
        let (tenant, message) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let rows = |name, columns: [&str; 2], cells| Table {
            name,
            columns: columns.map(str::to_owned).to_vec(),
            rows: vec![cells],
        };
        let template = [
            rows(
                "messages",
                ["tenant_id", "id"],
                vec![Cell::Id(tenant), Cell::Id(message)],
            ),
            rows(
                "events",
                ["message_id", "id"],
                vec![Cell::Id(message), Cell::Id(Uuid::from_u128(3))],
            ),
        ];

        let groups = groups(&template, 300).unwrap();

        assert_eq!(
            groups.iter().map(|group| group[0].rows.len()).collect::<Vec<_>>(),
            [256, 44]
        );
        for (message, event) in groups[0][0].rows.iter().zip(&groups[0][1].rows) {
            let (Cell::Id(of), Cell::Id(own), Cell::Id(named)) = (&message[0], &message[1], &event[0]) else {
                unreachable!("all are ids")
            };
            assert_eq!((of, own), (&tenant, named));
            assert_ne!(own, &Uuid::from_u128(2));
        }
    }
}
