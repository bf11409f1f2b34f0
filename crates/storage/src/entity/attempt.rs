//! Attempts that ended: each is two entries of its message's timeline, its beginning and its end.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) message_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) delivery_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) epoch: i64,
    pub(crate) node_id: Option<Uuid>,
    pub(crate) started_at: i64,
    pub(crate) ended_at: i64,
    /// The truth, as the process that attempted it saw it.
    pub(crate) outcome: String,
    /// What it made of the delivery; none where the lease was lost.
    pub(crate) event_type: Option<String>,
    pub(crate) detail: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
