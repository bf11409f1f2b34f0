//! The API over HTTP: what is answered, and to whom.

mod access_matrix;
mod api_clients;
mod documents;
mod email_settings;
mod email_settings_refused;
mod hardening;
mod identity;
mod limits;
mod messages;
mod on_premises_settings;
mod preferences;
mod problems;
mod relay_control;
mod relay_overview;
mod relay_redrive;
mod relay_routes;
mod secrets;
mod settings_history;
mod settings_search;
mod tenants;
mod test_emails;
mod token_requests;
