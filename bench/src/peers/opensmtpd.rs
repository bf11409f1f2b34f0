//! `OpenSMTPD`, from Debian, with its defaults and the sink as its relay.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::Result;

use super::{Mta, fetch, sandbox::Sandbox};
use crate::process::{self, End, Process, free_address};

const PACKAGES: [&str; 1] = ["opensmtpd"];
const PROGRAM: &str = "usr/sbin/smtpd";
/// The accounts that Debian has built in.
const ACCOUNTS: [&str; 2] = ["opensmtpd", "opensmtpq"];
/// It refuses a spool that others may list.
const SPOOL_MODE: u32 = 0o711;

/// Starts it, empty.
pub(crate) async fn start(work_dir: &Path, peers_dir: &Path, sink: SocketAddr) -> Result<Mta> {
    let folder = fetch::debian(peers_dir, &PACKAGES)?.folder;
    let home = process::home(work_dir, "opensmtpd")?;
    for folder in ["spool/smtpd", "lib/opensmtpd/empty", "run"] {
        fs::create_dir_all(home.path().join(folder))?;
    }
    fs::set_permissions(home.path().join("spool/smtpd"), fs::Permissions::from_mode(SPOOL_MODE))?;
    let sandbox = Sandbox::with_accounts(home.path(), &ACCOUNTS)?
        .lay("spool", "/var/spool")
        .lay("lib", "/var/lib")
        .lay("run", "/run")
        .lay(folder.join("usr/libexec"), "/usr/libexec");
    let address = free_address()?;
    let config = home.path().join("smtpd.conf");
    fs::write(&config, configuration(address, sink))?;
    let mut command = sandbox.command(&folder.join(PROGRAM), &["-F", "-f", &config.display().to_string()]);
    let mut process = Process::start("opensmtpd", &mut command, &home.path().join("log"), End::AtOnce)?;
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
        "OpenSMTPD {}",
        fetch::debian(peers_dir, &PACKAGES).ok()?.version
    ))
}

fn configuration(address: SocketAddr, sink: SocketAddr) -> String {
    let (host, port) = (address.ip(), address.port());
    format!(
        "listen on {host} port {port} hostname mta.localhost
action \"sink\" relay host smtp://{sink}
match from any for any action \"sink\"
"
    )
}
