//! Email settings: every version of them; the highest is in force.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_settings")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) version: i64,
    pub(crate) edition: String,
    pub(crate) from_address: Option<String>,
    pub(crate) from_name: Option<String>,
    pub(crate) send_email_method: Option<String>,
    pub(crate) email_server: Option<String>,
    pub(crate) port: Option<i64>,
    pub(crate) security: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password_sealed: Option<Vec<u8>>,
    pub(crate) ca_certificate_pem: Option<String>,
    pub(crate) application_secret_id: Option<Uuid>,
    pub(crate) cloud: Option<String>,
    pub(crate) save_to_sent_items: Option<i64>,
    pub(crate) updated_at: i64,
    pub(crate) updated_by: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
