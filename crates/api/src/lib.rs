//! The REST API: every rule of access, every status code, every field as clients see it.
//!
//! A handler parses, decides in `domain`, makes one storage call and answers. The operation itself is a function beside its
//! handler that takes the leave to act and parsed input, so that the console calls the same.

use std::sync::Arc;

use actix_web::{guard, web};
use domain::{branding::Provider, clock::Clock, ids::IdSource};
use relay::probe::Prober;
use storage::Store;
use utoipa_actix_web::service_config::ServiceConfig;

pub mod access;
pub mod auth;
mod body;
mod catalogue;
pub mod envelope;
mod idempotency;
mod members;
pub mod openapi;
mod page;
pub mod problem;
mod query;
pub mod routes;
mod strict_json;
mod wire;

/// What every handler can reach.
#[derive(Clone)]
pub struct Api {
    /// The store.
    pub store: Store,
    /// The provider, as recipients see it.
    pub provider: Provider,
    /// Issues and verifies access tokens.
    pub tokens: auth::Tokens,
    /// Sends test emails.
    pub prober: Prober,
    /// The process's clock.
    pub clock: Clock,
    /// The process's source of identifiers.
    pub ids: Arc<dyn IdSource>,
    /// Where this service is reached from outside.
    pub public_url: String,
    /// Which part of the program this process is.
    pub part: Part,
}

/// Which part of the program a process is; it decides what readiness asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    Whole,
    /// The API alone; the relay runs elsewhere.
    ApiOnly,
}

/// Mounts every operation on an application that is wrapped by [`envelope::wrap`].
pub fn mount(api: Api) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config.app_data(web::Data::new(api));
        // Else the pattern of a single message would take it for the id of one.
        let batch = web::resource("/v1/tenants/{tenant}/messages/batch").guard(guard::Not(guard::Post()));
        config.service(batch.to(openapi::fallback));
        routes::configure(&mut ServiceConfig::new(config));
        config
            .service(openapi::browsable())
            .route("/docs", web::get().to(openapi::to_browsable))
            .default_service(web::to(openapi::fallback));
    }
}
