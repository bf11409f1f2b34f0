//! What a failing next server does to a message, and what it never does.

use relay::inbox::{Behaviour, InboxConfig, Script, Step};

use crate::support::service::Service;

mod again;
mod recipients;
mod routes;

const PATH: &str = "/v1/tenants/acme/messages";

async fn scripted(step: Step, behaviour: Behaviour) -> Service {
    let script = Script::new().at(step, [behaviour]);
    Service::start_with(
        InboxConfig {
            script,
            ..InboxConfig::default()
        },
        &[],
    )
    .await
}
