//! The words in which SQLite and PostgreSQL differ.

use sea_orm_migration::{
    SchemaManager,
    sea_orm::{ConnectionTrait, DbBackend, DbErr},
};

const SQLITE: [(&str, &str); 6] = [
    ("{uuid}", "BLOB"),
    ("{bytes}", "BLOB"),
    ("{int}", "INTEGER"),
    ("{text}", "TEXT"),
    // Clustered by the key, and typed: a value of another type is refused.
    ("{clustered}", "STRICT, WITHOUT ROWID"),
    ("{heap}", "STRICT"),
];

const POSTGRES: [(&str, &str); 6] = [
    ("{uuid}", "uuid"),
    ("{bytes}", "bytea"),
    ("{int}", "bigint"),
    ("{text}", "text"),
    ("{clustered}", ""),
    ("{heap}", ""),
];

/// Runs statements separated by semicolons at line ends, in the database's own words.
///
/// # Errors
/// The database's refusal.
pub(crate) async fn run(manager: &SchemaManager<'_>, statements: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let words = if connection.get_database_backend() == DbBackend::Postgres {
        POSTGRES
    } else {
        SQLITE
    };
    for statement in statements
        .split(";\n")
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        let sql = words
            .iter()
            .fold(statement.to_owned(), |sql, (word, own)| sql.replace(word, own));
        connection.execute_unprepared(&sql).await?;
    }
    Ok(())
}
