//! The schema's history: each migration runs up and down on SQLite and on PostgreSQL.
//!
//! Plain SQL rather than a builder, since partial indexes and CHECKs are the point of it; the few types that differ
//! between the two databases are written in braces and filled in by `dialect`.

use sea_orm_migration::{MigrationTrait, async_trait::async_trait};
pub use sea_orm_migration::{MigratorTrait, sea_orm::DbErr};

mod dialect;
mod m0001_foundation;
mod m0002_relay_control;
mod m0003_fair_queue;
mod m0004_passed_tests;
mod m0005_vault;
mod m0006_test_emails;
mod m0007_mandatory_items;
mod m0008_lean_outbox;
mod m0009_deleted_tenants;

/// Every migration, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_foundation::Foundation),
            Box::new(m0002_relay_control::RelayControl),
            Box::new(m0003_fair_queue::FairQueue),
            Box::new(m0004_passed_tests::PassedTests),
            Box::new(m0005_vault::Vault),
            Box::new(m0006_test_emails::TestEmails),
            Box::new(m0007_mandatory_items::MandatoryItems),
            Box::new(m0008_lean_outbox::LeanOutbox),
            Box::new(m0009_deleted_tenants::DeletedTenants),
        ]
    }
}
