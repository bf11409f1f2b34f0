//! Items of the hardening report that the provider made mandatory for a tenant.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use crate::dialect;

pub(crate) struct MandatoryItems;

impl MigrationName for MandatoryItems {
    fn name(&self) -> &'static str {
        "m0007_mandatory_items"
    }
}

#[async_trait]
impl MigrationTrait for MandatoryItems {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0007_mandatory_items.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0007_mandatory_items_down.sql")).await
    }
}
