//! The outbox with as few rows and indexes a message as its promises need.
//!
//! An accepted message and an ended attempt are their own entries of the timeline: only what else happens is a row of
//! `events`. Rows of the outbox are written by statements that know their neighbours exist, and deleted with their tenant by
//! one that names every table, so that no foreign key is looked up a dozen times a message. A message's row never changes
//! but to lose its body, which therefore stands in it: on PostgreSQL as it is (it is sealed, so that nothing could be
//! compressed). A delivery that was sent at the first attempt says so itself. Its page keeps room for the dot mark, which
//! then touches no index. The key is the only index that begins with the tenant: a planner that knows nothing of the tables yet has
//! no other to take it for.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager,
    async_trait::async_trait,
    sea_orm::{ConnectionTrait, DbBackend, DbErr},
};

use crate::dialect;

const POSTGRES: &str = "ALTER TABLE messages ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE messages SET (toast_tuple_target = 8160);
ALTER TABLE deliveries SET (fillfactor = 75)";

pub(crate) struct LeanOutbox;

impl MigrationName for LeanOutbox {
    fn name(&self) -> &'static str {
        "m0008_lean_outbox"
    }
}

#[async_trait]
impl MigrationTrait for LeanOutbox {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0008_lean_outbox.sql")).await?;
        if manager.get_connection().get_database_backend() == DbBackend::Postgres {
            dialect::run(manager, POSTGRES).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0008_lean_outbox_down.sql")).await
    }
}
