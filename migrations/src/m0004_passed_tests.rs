//! Which settings a test email has passed with, by a keyed hash of all of them: saved or not, a test is of values.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use crate::dialect;

pub(crate) struct PassedTests;

impl MigrationName for PassedTests {
    fn name(&self) -> &'static str {
        "m0004_passed_tests"
    }
}

#[async_trait]
impl MigrationTrait for PassedTests {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0004_passed_tests.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0004_passed_tests_down.sql")).await
    }
}
