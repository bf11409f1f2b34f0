//! Exim, from Debian, set up as a relay to the sink.
//!
//! Its defaults refuse 50 sessions and stop delivering after ten messages of one, so those bounds are lifted; nothing else
//! is tuned.

use std::{fs, net::SocketAddr, os::unix::fs::chown, path::Path, process::Command};

use anyhow::Result;

use super::{Mta, fetch, sandbox::Sandbox};
use crate::process::{self, End, Process, answer, free_address};

/// The program, and the library that a machine without it lacks.
const PACKAGES: [&str; 2] = ["exim4-daemon-light", "libidn12"];
const PROGRAM: &str = "usr/sbin/exim4";
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
/// The account that Debian has built in.
const ACCOUNT: &str = "Debian-exim";

/// Starts it, empty.
pub(crate) async fn start(work_dir: &Path, peers_dir: &Path, sink: SocketAddr) -> Result<Mta> {
    let folder = fetch::debian(peers_dir, &PACKAGES)?.folder;
    let home = process::home(work_dir, "exim")?;
    let sandbox = Sandbox::with_accounts(home.path(), &[ACCOUNT])?.lay("ld.so.cache", "/etc/ld.so.cache");
    let owner = Some(Sandbox::account(0));
    for folder in ["spool", "log"] {
        fs::create_dir(home.path().join(folder))?;
        chown(home.path().join(folder), owner, owner)?;
    }
    // It clears its environment, so the way to the library is the linker's cache.
    let cache = home.path().join("ld.so.cache");
    answer(
        Command::new("ldconfig")
            .arg("-X")
            .arg("-C")
            .arg(cache)
            .arg(folder.join(LIBRARIES)),
    )?;
    let (address, program) = (free_address()?, folder.join(PROGRAM));
    let config = home.path().join("exim.conf");
    fs::write(&config, configuration(home.path(), &program, address, sink))?;
    let mut command = sandbox.command(&program, &["-C", &config.display().to_string(), "-bdf"]);
    let mut process = Process::start("exim", &mut command, &home.path().join("output"), End::AtOnce)?;
    process.listening(address).await?;
    Ok(Mta {
        address,
        process,
        _home: home,
    })
}

/// What it says it is.
pub(crate) fn version(peers_dir: &Path) -> Option<String> {
    Some(format!("Exim {}", fetch::debian(peers_dir, &PACKAGES).ok()?.version))
}

fn configuration(home: &Path, program: &Path, address: SocketAddr, sink: SocketAddr) -> String {
    let (home, program) = (home.display(), program.display());
    let (port, sink_host, sink_port) = (address.port(), sink.ip(), sink.port());
    format!(
        "exim_path = {program}
keep_environment =
spool_directory = {home}/spool
log_file_path = {home}/log/%slog
pid_file_path = {home}/exim.pid
primary_hostname = mta.localhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
smtp_accept_max = 200
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
acl_smtp_rcpt = take
acl_smtp_data = take
begin acl
take:
  accept
begin routers
smarthost:
  driver = manualroute
  transport = sink
  route_data = {sink_host}
  self = send
begin transports
sink:
  driver = smtp
  port = {sink_port}
  allow_localhost
  hosts_avoid_tls = *
begin retry
*  *  F,1h,5s
"
    )
}
