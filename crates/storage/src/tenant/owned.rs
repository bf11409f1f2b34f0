//! Which tables are a tenant's, and by which column.

use sea_orm::EntityTrait;

use crate::entity::{
    api_client, attempt, delivery, email_settings, event, mandatory_item, message, passed_test, preferences,
    test_email, vault_secret,
};

/// A table whose rows belong to a tenant.
pub(crate) trait TenantOwned: EntityTrait {
    /// The column that says whose a row is.
    const TENANT: Self::Column;
}

impl TenantOwned for api_client::Entity {
    const TENANT: Self::Column = api_client::Column::TenantId;
}

impl TenantOwned for email_settings::Entity {
    const TENANT: Self::Column = email_settings::Column::TenantId;
}

impl TenantOwned for message::Entity {
    const TENANT: Self::Column = message::Column::TenantId;
}

impl TenantOwned for delivery::Entity {
    const TENANT: Self::Column = delivery::Column::TenantId;
}

impl TenantOwned for attempt::Entity {
    const TENANT: Self::Column = attempt::Column::TenantId;
}

impl TenantOwned for event::Entity {
    const TENANT: Self::Column = event::Column::TenantId;
}

impl TenantOwned for passed_test::Entity {
    const TENANT: Self::Column = passed_test::Column::TenantId;
}

impl TenantOwned for preferences::Entity {
    const TENANT: Self::Column = preferences::Column::TenantId;
}

impl TenantOwned for mandatory_item::Entity {
    const TENANT: Self::Column = mandatory_item::Column::TenantId;
}

impl TenantOwned for test_email::Entity {
    const TENANT: Self::Column = test_email::Column::TenantId;
}

impl TenantOwned for vault_secret::Entity {
    const TENANT: Self::Column = vault_secret::Column::TenantId;
}
