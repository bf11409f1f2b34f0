//! Statements over many rows, in few texts.
//!
//! A statement stays prepared only while its text stays the same. PostgreSQL is given each column as one array, whatever the
//! number of rows; for SQLite many rows are cut into pieces of a few fixed sizes. There parameters are numbered in the order
//! of their use: a plain `?` is bound without looking its name up, which for thousands of parameters is the difference
//! between microseconds and milliseconds.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, FromQueryResult, Statement, Value, sea_query::ArrayType};
use uuid::Uuid;

/// Rows of one statement on SQLite: any number up to the last, else one of these, greatest first. Each is prepared once; a
/// statement more costs the way to the connection's thread and back each time.
const SQLITE: [usize; 4] = [256, 128, 64, 40];

/// The rows in pieces that one statement can take.
pub(super) fn pieces<'a, T, C: ConnectionTrait>(
    connection: &C,
    rows: &'a [T],
) -> impl Iterator<Item = &'a [T]> + use<'a, T, C> {
    cut(connection.get_database_backend(), rows)
}

fn cut<T>(backend: DbBackend, mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let known = SQLITE.iter().copied().find(|size| *size <= rows.len());
        let size = known.filter(|_| backend != DbBackend::Postgres).unwrap_or(rows.len());
        if size == 0 {
            return None;
        }
        let (piece, rest) = rows.split_at_checked(size)?;
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
    /// What may be null, in rows.
    MaybeUuid,
    MaybeInt,
    MaybeText,
}

impl Type {
    const fn name(self) -> &'static str {
        match self {
            Self::Uuid | Self::MaybeUuid => "uuid",
            Self::Int | Self::MaybeInt => "bigint",
            Self::Text | Self::MaybeText => "text",
            Self::Bytes => "bytea",
        }
    }

    const fn array(self) -> ArrayType {
        match self {
            Self::Uuid | Self::MaybeUuid => ArrayType::Uuid,
            Self::Int | Self::MaybeInt => ArrayType::BigInt,
            Self::Text | Self::MaybeText => ArrayType::String,
            Self::Bytes => ArrayType::Bytes,
        }
    }

    /// The driver's arrays hold no nulls, so that null travels as a value that no column holds: no instant, no id, no text
    /// that passed the edge.
    const fn null(self) -> Option<&'static str> {
        match self {
            Self::MaybeUuid => Some("'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid"),
            Self::MaybeInt => Some("'-9223372036854775808'::bigint"),
            Self::MaybeText => Some("E'\\x01'"),
            Self::Uuid | Self::Int | Self::Text | Self::Bytes => None,
        }
    }

    /// A value as an array's element.
    fn element(self, value: Value) -> Value {
        match (self, value) {
            (Self::MaybeUuid, Value::Uuid(None)) => Value::Uuid(Some(Uuid::max())),
            (Self::MaybeInt, Value::BigInt(None)) => Value::BigInt(Some(i64::MIN)),
            (Self::MaybeText, Value::String(None)) => Value::String(Some("\u{1}".to_owned())),
            (_, value) => value,
        }
    }
}

/// The instant of a statement, by the database's clock.
#[derive(Debug, Clone, Copy)]
pub(super) enum Now {
    /// As it was asked for before, in the same transaction.
    At(i64),
    /// As it is when the statement runs, moved by a test's shift.
    Running {
        /// Milliseconds.
        shift: i64,
    },
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

    /// The instant of the statement.
    pub(super) fn instant(self, now: Now) -> Self {
        match now {
            Now::At(now) => self.value(now, Type::Int),
            Now::Running { shift } => {
                let clock = crate::backend::clock_sql(self.backend);
                self.text("(").text(clock).text(" + ").value(shift, Type::Int).text(")")
            }
        }
    }

    pub(super) fn value(mut self, value: impl Into<Value>, kind: Type) -> Self {
        self.push(value.into(), kind);
        self
    }

    /// A table of a line for each row, where a `VALUES (…), (…)` can stand.
    pub(super) fn rows<T, const N: usize>(
        self,
        rows: &[T],
        types: [Type; N],
        values: impl Fn(&T) -> [Value; N],
    ) -> Self {
        match self.backend {
            DbBackend::Postgres => self.unnested(rows, types, values),
            DbBackend::MySql | DbBackend::Sqlite | _ => self.listed(rows, types, values),
        }
    }

    fn listed<T, const N: usize>(mut self, rows: &[T], types: [Type; N], values: impl Fn(&T) -> [Value; N]) -> Self {
        self.text.push_str("VALUES ");
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

    fn unnested<T, const N: usize>(mut self, rows: &[T], types: [Type; N], values: impl Fn(&T) -> [Value; N]) -> Self {
        let mut columns: [Vec<Value>; N] = std::array::from_fn(|_| Vec::with_capacity(rows.len()));
        for row in rows {
            for ((value, kind), column) in values(row).into_iter().zip(types).zip(&mut columns) {
                column.push(kind.element(value));
            }
        }
        let list = |item: &dyn Fn(usize, Type) -> String| {
            let items: Vec<String> = types.iter().enumerate().map(|(at, kind)| item(at, *kind)).collect();
            items.join(", ")
        };
        let shown = list(&|at, kind| match kind.null() {
            Some(null) => format!("NULLIF(c{at}, {null})"),
            None => format!("c{at}"),
        });
        let taken = self.values.len() + 1;
        let arrays = list(&|at, kind| format!("${}::{}[]", taken + at, kind.name()));
        let names = list(&|at, _| format!("c{at}"));
        for part in ["SELECT ", &shown, " FROM unnest(", &arrays, ") AS u(", &names, ")"] {
            self.text.push_str(part);
        }
        for (column, kind) in columns.into_iter().zip(types) {
            self.values.push(Value::Array(kind.array(), Some(Box::new(column))));
        }
        self
    }

    fn push(&mut self, value: Value, kind: Type) {
        self.values.push(value);
        match self.backend {
            // Writing to a String does not fail.
            DbBackend::Postgres => drop(write!(self.text, "${}::{}", self.values.len(), kind.name())),
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
        for (backend, sizes) in [(DbBackend::Sqlite, vec![256, 40, 4]), (DbBackend::Postgres, vec![300])] {
            let cut: Vec<&[usize]> = cut(backend, &rows).collect();
            assert_eq!(cut.iter().map(|piece| piece.len()).collect::<Vec<_>>(), sizes);
            assert_eq!(cut.concat(), rows);
        }
        assert_eq!(cut::<u8>(DbBackend::Sqlite, &[]).count(), 0);
        assert_eq!(cut::<u8>(DbBackend::Postgres, &[]).count(), 0);
    }

    #[test]
    fn the_text_for_postgres_does_not_depend_on_the_number_of_rows() {
        let sql = |rows: &[Option<i64>]| {
            let sql = Sql {
                backend: DbBackend::Postgres,
                text: String::new(),
                values: Vec::new(),
            };
            let sql = sql
                .value(1_i64, Type::Int)
                .rows(rows, [Type::Int, Type::MaybeInt], |row| [7_i64.into(), (*row).into()]);
            (sql.text, sql.values)
        };
        let (text, values) = sql(&[Some(1), None]);
        assert_eq!(text, sql(&[None; 9]).0);
        let nulls = Value::Array(ArrayType::BigInt, Some(Box::new(vec![1_i64.into(), i64::MIN.into()])));
        assert_eq!(values.get(2), Some(&nulls));
    }
}
