//! How many test emails a tenant has sent: of the day, and since the minute began that is running.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use crate::dialect;

pub(crate) struct TestEmails;

impl MigrationName for TestEmails {
    fn name(&self) -> &'static str {
        "m0006_test_emails"
    }
}

#[async_trait]
impl MigrationTrait for TestEmails {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0006_test_emails.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0006_test_emails_down.sql")).await
    }
}
