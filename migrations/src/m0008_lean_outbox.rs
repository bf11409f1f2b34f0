//! The outbox with as few rows and indexes a message as its promises need.
//!
//! An accepted message and an ended attempt are their own entries of the timeline: only what else happens is a row of
//! `events`. Rows of the outbox are written by statements that know their neighbours exist, and deleted with their tenant by
//! one that names every table, so that no foreign key is looked up a dozen times a message. A message's row never changes
//! but to lose its body, which therefore stands in it: on PostgreSQL as it is (it is sealed, so that nothing could be
//! compressed). A delivery that was sent at the first attempt says so itself. Its page keeps room for the dot mark, which
//! then touches no index. The key is the only index that begins with the tenant: a planner that knows nothing of the tables yet has
//! no other to take it for.
//!
//! On the way down the timeline of attempts is not kept, and the foreign keys of messages and deliveries are not made again.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    async_trait::async_trait,
    sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement},
};

use crate::dialect;

const POSTGRES: &str = "ALTER TABLE messages ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE messages SET (toast_tuple_target = 8160);
ALTER TABLE deliveries SET (fillfactor = 75)";

/// Processes of the version before may still be at work: what they marked while it is copied would be lost.
const ALONE: &str = "LOCK TABLE messages, message_bodies, deliveries, attempts, events IN ACCESS EXCLUSIVE MODE";

pub(crate) struct LeanOutbox;

impl MigrationName for LeanOutbox {
    fn name(&self) -> &'static str {
        "m0008_lean_outbox"
    }
}

#[async_trait]
impl MigrationTrait for LeanOutbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let among_others = manager.get_connection().get_database_backend() == DbBackend::Postgres;
        if among_others {
            dialect::run(manager, ALONE).await?;
        }
        dialect::run(manager, include_str!("m0008_lean_outbox.sql")).await?;
        if among_others {
            dialect::run(manager, POSTGRES).await?;
            look_at_what_was_copied(manager).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0008_lean_outbox_down.sql")).await
    }
}

/// Tells PostgreSQL how many rows there are now. Of an empty table it had better think that it knows nothing.
async fn look_at_what_was_copied(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    for table in ["messages", "deliveries", "events"] {
        let any = Statement::from_string(DbBackend::Postgres, format!("SELECT 1 FROM {table} LIMIT 1"));
        if connection.query_one_raw(any).await?.is_some() {
            connection.execute_unprepared(&format!("ANALYZE {table}")).await?;
        }
    }
    Ok(())
}
