//! One recipient’s copies; `due_at` is set exactly while a worker may take it, `sent_by` once an attempt sent it.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) message_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) lane: i64,
    pub(crate) kind: String,
    pub(crate) recipient: String,
    pub(crate) recipient_name: Option<String>,
    pub(crate) message_id_domain: String,
    pub(crate) status: String,
    pub(crate) due_at: Option<i64>,
    pub(crate) expires_at: i64,
    pub(crate) attempts: i64,
    pub(crate) unknowns: i64,
    pub(crate) lease_epoch: i64,
    pub(crate) lease_until: Option<i64>,
    pub(crate) lease_node: Option<Uuid>,
    pub(crate) dot_at: Option<i64>,
    pub(crate) held_by: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) updated_at: i64,
    pub(crate) sent_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
