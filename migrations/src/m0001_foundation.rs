//! The first schema: tenants and their keys, settings with history, routes, the outbox, audit.
//!
//! Every tenant-owned table has a primary key that starts with `tenant_id`, and so has every unique index: no row can
//! land on another tenant, and the schema can be distributed by tenant. Instants are milliseconds since the epoch.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use crate::dialect;

pub(crate) struct Foundation;

impl MigrationName for Foundation {
    fn name(&self) -> &'static str {
        "m0001_foundation"
    }
}

#[async_trait]
impl MigrationTrait for Foundation {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0001_foundation.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0001_foundation_down.sql")).await
    }
}
