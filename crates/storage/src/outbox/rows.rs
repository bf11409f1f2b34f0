//! Statements over many rows, in few texts.
//!
//! A statement stays prepared only while its text stays the same, so that many rows are cut into pieces of a few fixed
//! sizes. Parameters are numbered in the order of their use: on `SQLite` a plain `?` is bound without looking its name up,
//! which for thousands of parameters is the difference between microseconds and milliseconds.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, FromQueryResult, Statement, Value};

/// Rows of one statement on SQLite, greatest first: preparing costs little, a statement more.
const SQLITE: [usize; 20] = [256, 128, 64, 32, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
/// And on PostgreSQL, which plans a statement anew until its fifth use.
const POSTGRES: [usize; 5] = [256, 64, 16, 4, 1];

/// The rows in pieces of a few sizes.
pub(super) fn pieces<'a, T, C: ConnectionTrait>(
    connection: &C,
    rows: &'a [T],
) -> impl Iterator<Item = &'a [T]> + use<'a, T, C> {
    cut(connection.get_database_backend(), rows)
}

fn cut<T>(backend: DbBackend, mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    let sizes: &[usize] = match backend {
        DbBackend::Postgres => &POSTGRES,
        DbBackend::MySql | DbBackend::Sqlite | _ => &SQLITE,
    };
    std::iter::from_fn(move || {
        let size = sizes.iter().find(|size| **size <= rows.len())?;
        let (piece, rest) = rows.split_at_checked(*size)?;
        rows = rest;
        Some(piece)
    })
}

/// A column's type, as PostgreSQL has to be told where no column says it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Uuid,
    Int,
    Text,
    Bytes,
}

impl Type {
    const fn cast(self) -> &'static str {
        match self {
            Self::Uuid => "::uuid",
            Self::Int => "::bigint",
            Self::Text => "::text",
            Self::Bytes => "::bytea",
        }
    }
}

/// A statement in the making.
pub(super) struct Sql {
    backend: DbBackend,
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(super) fn new<C: ConnectionTrait>(connection: &C) -> Self {
        Self {
            backend: connection.get_database_backend(),
            text: String::new(),
            values: Vec::new(),
        }
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Text that only PostgreSQL is given.
    pub(super) fn postgres(self, text: &str) -> Self {
        if self.backend == DbBackend::Postgres {
            self.text(text)
        } else {
            self
        }
    }

    pub(super) fn value(mut self, value: impl Into<Value>, kind: Type) -> Self {
        self.push(value.into(), kind);
        self
    }

    /// `(…), (…)`: a tuple for each row.
    pub(super) fn rows<T, const N: usize>(
        mut self,
        rows: &[T],
        types: [Type; N],
        values: impl Fn(&T) -> [Value; N],
    ) -> Self {
        for (at, row) in rows.iter().enumerate() {
            self.text.push_str(if at == 0 { "(" } else { ", (" });
            for (column, (value, kind)) in values(row).into_iter().zip(types).enumerate() {
                if column > 0 {
                    self.text.push_str(", ");
                }
                self.push(value, kind);
            }
            self.text.push(')');
        }
        self
    }

    fn push(&mut self, value: Value, kind: Type) {
        self.values.push(value);
        match self.backend {
            // Writing to a String does not fail.
            DbBackend::Postgres => drop(write!(self.text, "${}{}", self.values.len(), kind.cast())),
            DbBackend::MySql | DbBackend::Sqlite | _ => self.text.push('?'),
        }
    }

    fn finish(self) -> Statement {
        Statement::from_sql_and_values(self.backend, self.text, self.values)
    }

    pub(super) async fn run<C: ConnectionTrait>(self, connection: &C) -> Result<ExecResult, DbErr> {
        connection.execute_raw(self.finish()).await
    }

    pub(super) async fn all<R: FromQueryResult, C: ConnectionTrait>(self, connection: &C) -> Result<Vec<R>, DbErr> {
        R::find_by_statement(self.finish()).all(connection).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_few_sizes_and_miss_nothing() {
        let rows: Vec<usize> = (0..300).collect();
        for (backend, sizes) in [
            (DbBackend::Sqlite, vec![256, 32, 12]),
            (DbBackend::Postgres, vec![256, 16, 16, 4, 4, 4]),
        ] {
            let cut: Vec<&[usize]> = cut(backend, &rows).collect();
            assert_eq!(cut.iter().map(|piece| piece.len()).collect::<Vec<_>>(), sizes);
            assert_eq!(cut.concat(), rows);
        }
        assert_eq!(cut::<u8>(DbBackend::Sqlite, &[]).count(), 0);
    }
}
