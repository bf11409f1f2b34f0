//! The shared relay's smarthosts.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "routes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) email_server: String,
    pub(crate) port: i64,
    pub(crate) security: String,
    pub(crate) username: Option<String>,
    pub(crate) password_sealed: Option<Vec<u8>>,
    pub(crate) ca_certificate_pem: Option<String>,
    pub(crate) max_connections: i64,
    pub(crate) messages_per_second: Option<i64>,
    pub(crate) priority: i64,
    pub(crate) weight: i64,
    pub(crate) paused_at: Option<i64>,
    pub(crate) paused_reason: Option<String>,
    pub(crate) version: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
