//! What operators steer the relay with: the pause, what relay processes say of their routes, failed mail found by an index;
//! and the tenants' preferences.
//!
//! `relay_state` has one row for ever, so that a claim has something to lock. `deliveries_set_aside` holds what is neither
//! plainly queued nor done: a redrive and the overview read it instead of everything.

use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, sea_orm::DbErr};

use crate::dialect;

pub(crate) struct RelayControl;

impl MigrationName for RelayControl {
    fn name(&self) -> &'static str {
        "m0002_relay_control"
    }
}

#[async_trait]
impl MigrationTrait for RelayControl {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0002_relay_control.sql")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, include_str!("m0002_relay_control_down.sql")).await
    }
}
