//! The operations, one file a resource.

use utoipa_actix_web::service_config::ServiceConfig;

pub mod api_clients;
pub mod email_settings;
pub mod email_settings_test;
pub mod explain;
pub mod hardening;
pub mod identity;
mod message_body;
pub mod message_control;
mod message_data;
mod message_input;
pub mod message_reads;
pub mod messages;
pub mod nodes;
pub mod operator_clients;
mod paths;
pub mod preferences;
pub mod relay_control;
pub mod relay_overview;
pub mod relay_redrive;
mod relay_route_input;
pub mod relay_route_test;
pub mod relay_routes;
mod secret_in_use;
mod secret_input;
pub mod secrets;
pub mod service;
pub mod settings_search;
pub mod tenants;
mod test_answer;

/// Mounts every operation; the document is collected from the same calls.
pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    // First, since a router asks one pattern after the other, and these are asked for most.
    config.service(messages::submit).service(messages::submit_batch);
    config
        .service(identity::token)
        .service(identity::jwks)
        .service(identity::metadata)
        .service(identity::me)
        .service(operator_clients::list)
        .service(operator_clients::create)
        .service(operator_clients::delete)
        .service(operator_clients::rotate)
        .service(tenants::list)
        .service(tenants::create)
        .service(tenants::read)
        .service(tenants::change)
        .service(tenants::delete)
        .service(tenants::suspend)
        .service(tenants::resume)
        .service(api_clients::list)
        .service(api_clients::create)
        .service(api_clients::delete)
        .service(api_clients::rotate)
        .service(email_settings::read)
        .service(email_settings::replace)
        .service(email_settings::versions)
        .service(email_settings::restore)
        .service(email_settings_test::test)
        .service(preferences::read)
        .service(preferences::replace)
        .service(secrets::templates)
        .service(secrets::list)
        .service(secrets::create)
        .service(secrets::read)
        .service(secrets::replace)
        .service(secrets::delete);
    config
        .service(settings_search::search)
        .service(hardening::read)
        .service(hardening::demand);
    config
        .service(message_reads::list)
        .service(message_reads::read)
        .service(message_reads::events)
        .service(explain::explain)
        .service(message_control::cancel)
        .service(message_control::retry)
        .service(relay_routes::list)
        .service(relay_routes::create)
        .service(relay_routes::read)
        .service(relay_routes::change)
        .service(relay_routes::delete)
        .service(relay_routes::pause)
        .service(relay_routes::resume)
        .service(relay_route_test::test)
        .service(nodes::list)
        .service(relay_overview::read)
        .service(relay_control::pause)
        .service(relay_control::resume)
        .service(relay_redrive::put_back)
        .service(service::healthz)
        .service(service::readyz)
        .service(service::document);
}
