//! The vault of an on-premises tenant: what can be read as JSON, what cannot be read sealed.
//!
//! The edition stands in each row, so that the database itself refuses a Cloud tenant a vault.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use crate::dialect;

pub(crate) struct Vault;

impl MigrationName for Vault {
    fn name(&self) -> &'static str {
        "m0005_vault"
    }
}

#[async_trait]
impl MigrationTrait for Vault {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0005_vault.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0005_vault_down.sql")).await
    }
}
