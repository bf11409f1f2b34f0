//! Tenants' preferences; a tenant without a row has the defaults.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "preferences")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: Uuid,
    pub(crate) brand_name: Option<String>,
    pub(crate) accent_color: Option<String>,
    pub(crate) code_in_subject: i64,
    pub(crate) retention_days: i64,
    pub(crate) on_outcome_unknown: String,
    pub(crate) version: i64,
    pub(crate) updated_at: i64,
    pub(crate) updated_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
