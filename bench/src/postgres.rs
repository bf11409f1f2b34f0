//! A PostgreSQL server of Letterhead's own, with the settings it comes with.
//!
//! Only where it listens is said: durability, memory and checkpoints are what `initdb` writes.

use std::{
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::process::{self, End, Process, account, answer, find_program, free_address, is_root};

/// Where Debian keeps the programs of each version.
const DEBIAN_PROGRAMS: &str = "/usr/lib/postgresql";
/// It refuses to run as root; the first of these accounts that exists runs it.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// A running server, ended with this value.
#[derive(Debug)]
pub(crate) struct Postgres {
    port: u16,
    server: Process,
    _home: TempDir,
}

impl Postgres {
    pub(crate) async fn start(work_dir: &Path) -> Result<Self> {
        let programs = find_programs().context("not available: no initdb; install Debian's postgresql-15")?;
        let home = process::home(work_dir, "postgres")?;
        let owner = owner();
        if let Some((user, group)) = owner {
            chown(home.path(), Some(user), Some(group))?;
        }
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir(home.path()).env("LC_ALL", "C.UTF-8");
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command
        };
        let data = home.path().join("data");
        answer(
            command("initdb")
                .arg("-D")
                .arg(&data)
                .args(["-U", "letterhead", "--auth", "trust"]),
        )?;
        let address = free_address()?;
        let mut start = command("postgres");
        start.arg("-D").arg(&data).arg("-k").arg(home.path());
        start.args(["-h", "127.0.0.1", "-p", &address.port().to_string()]);
        // A postmaster that dies by SIGKILL leaves its children for a while, so it is asked.
        let mut server = Process::start("postgres", &mut start, &home.path().join("server.log"), End::Interrupt)?;
        let ready = async || {
            let mut asked = command("pg_isready");
            asked.args(["-q", "-h", "127.0.0.1", "-p", &address.port().to_string()]);
            asked.status().is_ok_and(|status| status.success())
        };
        server.until(ready).await?;
        Ok(Self {
            port: address.port(),
            server,
            _home: home,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://letterhead@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn id(&self) -> u32 {
        self.server.id()
    }
}

/// The user and group that run it; `None` where this process is not root and runs it itself.
fn owner() -> Option<(u32, u32)> {
    is_root().then(|| ACCOUNTS.iter().find_map(|name| account(name)))?
}

/// The folder of its programs: Debian's newest, else what is on the path.
fn find_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(DEBIAN_PROGRAMS).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse::<u32>().ok()?, version.path())))
        .max();
    let debian = newest
        .map(|(_, path)| path.join("bin"))
        .filter(|path| path.join("initdb").exists());
    debian.or_else(|| Some(find_program("initdb")?.parent()?.to_owned()))
}

/// What the server says it is.
pub(crate) fn version() -> Option<String> {
    answer(Command::new(find_programs()?.join("postgres")).arg("--version")).ok()
}
