//! Messages, without what they say: the column `sealed` is only read where it is opened.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) lane: i64,
    pub(crate) locale: String,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) send_at: Option<i64>,
    pub(crate) supersede_key: Option<String>,
    pub(crate) metadata: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
