//! The tables as sea-orm sees them; private to this crate, so that rows can be had only through a scope.

pub(crate) mod api_client;
pub(crate) mod attempt;
pub(crate) mod audit_entry;
pub(crate) mod delivery;
pub(crate) mod email_settings;
pub(crate) mod event;
pub(crate) mod idempotency_key;
pub(crate) mod mandatory_item;
pub(crate) mod message;
pub(crate) mod operator_client;
pub(crate) mod passed_test;
pub(crate) mod preferences;
pub(crate) mod route;
pub(crate) mod sealing_key;
pub(crate) mod signing_key;
pub(crate) mod tenant;
pub(crate) mod test_email;
pub(crate) mod vault_secret;
