//! Tenants that are deleted and whose outbox may not be yet.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use crate::dialect;

pub(crate) struct DeletedTenants;

impl MigrationName for DeletedTenants {
    fn name(&self) -> &'static str {
        "m0009_deleted_tenants"
    }
}

#[async_trait]
impl MigrationTrait for DeletedTenants {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0009_deleted_tenants.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0009_deleted_tenants_down.sql")).await
    }
}
