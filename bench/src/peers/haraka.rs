//! Haraka, from npm, with its defaults: one process, and an outbound queue that leads to the sink.
//!
//! Its queue is files that are not flushed: it is measured as it comes, and promises less than the others.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{Mta, fetch};
use crate::process::{self, End, Process, find_program, free_address};

const PACKAGE: &str = "haraka";
const MAJOR: &str = "3";

/// Starts it, empty.
pub(crate) async fn start(work_dir: &Path, peers_dir: &Path, sink: SocketAddr) -> Result<Mta> {
    let node = find_program("node").context("not available: no Node.js")?;
    let package = fetch::npm(peers_dir, PACKAGE, MAJOR)?
        .folder
        .join("node_modules")
        .join(PACKAGE);
    let home = process::home(work_dir, "haraka")?;
    let address = free_address()?;
    lay_out(home.path(), &package, address, sink)?;
    let mut command = Command::new(node);
    command.arg(package.join("bin/haraka")).arg("-c").arg(home.path());
    let mut process = Process::start("haraka", &mut command, &home.path().join("log"), End::AtOnce)?;
    process.listening(address).await?;
    Ok(Mta {
        address,
        process,
        _home: home,
    })
}

/// What it says it is.
pub(crate) fn version(peers_dir: &Path) -> Option<String> {
    Some(format!(
        "Haraka {}",
        fetch::npm(peers_dir, PACKAGE, MAJOR).ok()?.version
    ))
}

fn lay_out(home: &Path, package: &Path, address: SocketAddr, sink: SocketAddr) -> Result<()> {
    for folder in ["config", "plugins", "queue"] {
        fs::create_dir(home.join(folder))?;
    }
    let config = home.join("config");
    fs::copy(package.join("config/connection.ini"), config.join("connection.ini"))?;
    fs::write(config.join("smtp.ini"), format!("listen={address}\n"))?;
    fs::write(config.join("me"), "mta.localhost\n")?;
    fs::write(config.join("plugins"), "smarthost\n")?;
    // The sink is on this machine.
    fs::write(config.join("outbound.ini"), "local_mx_ok=true\n")?;
    Ok(fs::write(home.join("plugins/smarthost.js"), smarthost(sink))?)
}

/// Relays for everybody, everything to the sink.
fn smarthost(sink: SocketAddr) -> String {
    let (host, port) = (sink.ip(), sink.port());
    format!(
        "exports.register = function () {{
  this.register_hook('connect', 'trust');
  this.register_hook('get_mx', 'sink');
}};
exports.trust = function (next, connection) {{
  connection.relaying = true;
  next();
}};
exports.sink = function (next) {{
  next(OK, {{ priority: 0, exchange: '{host}', port: {port} }});
}};
"
    )
}
