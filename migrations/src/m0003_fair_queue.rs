//! The queue by tenant: each tenant's oldest due row of a lane is one step of an index away.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use crate::dialect;

pub(crate) struct FairQueue;

impl MigrationName for FairQueue {
    fn name(&self) -> &'static str {
        "m0003_fair_queue"
    }
}

#[async_trait]
impl MigrationTrait for FairQueue {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0003_fair_queue.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0003_fair_queue_down.sql")).await
    }
}
