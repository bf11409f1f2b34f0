//! Postfix: Debian's, with its defaults, the sink as its relay host.
//!
//! Its queue lies on the same disk as Letterhead's data. Nothing that bounds its speed is set: everything is as it comes.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use super::Mta;
use crate::process::{self, End, Process, account, answer, free_address, is_root};
use anyhow::{Context as _, Result, bail};

/// A bench that is killed cannot stop it; it then ends by itself, in seconds.
const LONGEST_LIFE: &str = "7200";

/// Starts it, empty.
pub(crate) async fn start(work_dir: &Path, sink: SocketAddr) -> Result<Mta> {
    if !is_root() {
        bail!("not available: Postfix can only be started by root");
    }
    let programs = daemon_directory().context("not available: no Postfix; install Debian's postfix")?;
    let home = process::home(work_dir, "postfix")?;
    let address = free_address()?;
    lay_out(home.path(), address, sink)?;
    let etc = home.path().join("etc");
    // Also makes the folders of the queue.
    answer(Command::new("postfix").arg("-c").arg(&etc).arg("check"))?;
    let mut command = Command::new(programs.join("master"));
    command.arg("-c").arg(&etc).args(["-e", LONGEST_LIFE]);
    let mut process = Process::start("postfix", &mut command, &home.path().join("master.log"), End::Politely)?;
    process.listening(address).await?;
    Ok(Mta {
        address,
        process,
        _home: home,
    })
}

/// What it says it is.
pub(crate) fn version() -> Option<String> {
    let version = answer(Command::new("postconf").args(["-d", "-h", "mail_version"])).ok()?;
    Some(format!("Postfix {version}"))
}

fn daemon_directory() -> Option<PathBuf> {
    let told = answer(Command::new("postconf").args(["-d", "-h", "daemon_directory"])).ok()?;
    Some(PathBuf::from(told))
}

fn lay_out(home: &Path, address: SocketAddr, sink: SocketAddr) -> Result<()> {
    for folder in ["etc", "queue", "data"] {
        fs::create_dir(home.join(folder))?;
    }
    let (postfix, _) = account("postfix").context("not available: no account `postfix`")?;
    chown(home.join("data"), Some(postfix), None)?;
    write_settled(&home.join("etc/main.cf"), &main_cf(home, sink))?;
    write_settled(&home.join("etc/master.cf"), &master_cf(address))
}

/// Its programs wait until their configuration is two seconds old, lest they read half of it.
fn write_settled(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    Ok(fs::File::options()
        .write(true)
        .open(path)?
        .set_modified(SystemTime::UNIX_EPOCH)?)
}

fn main_cf(home: &Path, sink: SocketAddr) -> String {
    let home = home.display();
    let (host, port) = (sink.ip(), sink.port());
    format!(
        "compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log
maillog_file_prefixes = {home}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mta.localhost
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
disable_dns_lookups = yes
smtp_tls_security_level = none
relayhost = [{host}]:{port}
"
    )
}

/// The usual services, without those for local mail and without change roots, which would need files copied.
fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"
    )
}
