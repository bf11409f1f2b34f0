//! The public listener: REST and console.

use std::net::{SocketAddr, TcpListener};

use actix_web::{App, HttpServer, dev::Server, middleware::from_fn};
use api::Api;

use super::GRACE;
use crate::start_error::StartError;

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// How long an idle connection is kept.
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_mins(1);

/// Binds the listener of a setting; says where it really is.
pub(super) fn bind(setting: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    });
    bound.map_err(|error| StartError::port_taken(setting, address, &error))
}

/// The API on a listener; it ends when it is told to, not on signals of its own.
pub(super) fn public(listener: TcpListener, api: Api) -> Result<Server, StartError> {
    let server = HttpServer::new(move || {
        App::new()
            .configure(api::mount(api.clone()))
            .configure(console::mount)
            .wrap(from_fn(api::envelope::wrap))
    });
    let server = server.disable_signals().shutdown_timeout(GRACE.as_secs());
    let server = server
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .listen(listener);
    server.map(HttpServer::run).map_err(|error| cannot_serve(&error))
}

/// The system does not let a bound listener be used.
pub(super) fn cannot_serve(error: &std::io::Error) -> StartError {
    StartError::new(format!("cannot serve ({error})"), "report this as a fault")
}
