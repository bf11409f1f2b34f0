//! The internal listener: metrics for Prometheus, and health of a process that serves nothing else.

use std::{net::TcpListener, sync::Arc};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, web};
use prometheus_client::registry::Registry;
use serde_json::json;
use storage::Store;

use super::http::cannot_serve;
use crate::{commands::serve::Mode, start_error::StartError};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

struct Internal {
    store: Store,
    registry: Arc<Registry>,
    mode: Mode,
}

pub(super) fn serve(
    listener: TcpListener,
    store: Store,
    registry: Arc<Registry>,
    mode: Mode,
) -> Result<Server, StartError> {
    let data = web::Data::new(Internal { store, registry, mode });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .route("/metrics", web::get().to(metrics))
            .route("/healthz", web::get().to(healthz))
            .route("/readyz", web::get().to(readyz))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(1).listen(listener);
    server.map(HttpServer::run).map_err(|error| cannot_serve(&error))
}

async fn metrics(internal: web::Data<Internal>) -> HttpResponse {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &internal.registry) {
        Ok(()) => HttpResponse::Ok().content_type(OPENMETRICS).body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

async fn readyz(internal: web::Data<Internal>) -> HttpResponse {
    let nodes = internal.store.nodes().await;
    let store = nodes.is_ok();
    let relay = nodes.is_ok_and(|nodes| !nodes.is_empty());
    let ready = match internal.mode {
        Mode::Whole | Mode::Relay => store && relay,
        Mode::Api => store,
    };
    let body = json!({
        "status": if ready { "ready" } else { "not_ready" },
        "store": if store { "ok" } else { "unavailable" },
        "relay": if relay { "ok" } else { "silent" },
    });
    if ready {
        HttpResponse::Ok().json(body)
    } else {
        HttpResponse::ServiceUnavailable().json(body)
    }
}
