//! Processes that the bench starts, and ends by their ids.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::usage;

/// How long a system may take to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(10);
/// The end of a log that is shown when its process failed.
const SHOWN_LOG: usize = 2000;

/// A process, ended with this value.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    end: End,
}

/// How a process is asked to end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// SIGTERM, then SIGKILL.
    Politely,
    /// SIGKILL: what it holds is thrown away anyway.
    AtOnce,
    /// SIGINT, then SIGKILL: PostgreSQL's fast shutdown.
    Interrupt,
}

impl Process {
    /// Starts a program whose output goes to a file beside its data.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path, end: End) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name,
            child,
            log: log.to_owned(),
            end,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until somebody listens at `address`.
    pub(crate) async fn listening(&mut self, address: SocketAddr) -> Result<()> {
        self.until(async || TcpStream::connect(address).await.is_ok()).await
    }

    /// Waits until `ready`; fails as soon as the process has ended.
    pub(crate) async fn until(&mut self, ready: impl AsyncFn() -> bool) -> Result<()> {
        let began = Instant::now();
        while !ready().await {
            let ended = self.child.try_wait()?;
            if ended.is_some() || began.elapsed() > PATIENCE {
                let name = self.name;
                bail!("{name} did not start ({ended:?}):\n{}", self.log_end());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// The end of what it has written.
    pub(crate) fn log_end(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let end = text.get(text.len().saturating_sub(SHOWN_LOG)..).unwrap_or_default();
        String::from_utf8_lossy(end).into_owned()
    }

    fn signal(&self, signal: &str) {
        // Fails only for a process that is already gone.
        drop(
            Command::new("kill")
                .args([signal, &self.child.id().to_string()])
                .status(),
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        match self.end {
            End::Politely => self.signal("-TERM"),
            End::AtOnce => {
                // Its descendants too: those that changed their account no longer die with their parent.
                let ids = usage::with_descendants(self.child.id()).map(|id| id.to_string());
                drop(Command::new("kill").arg("-KILL").args(ids).status());
            }
            End::Interrupt => self.signal("-INT"),
        }
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > PATIENCE {
                drop(self.child.kill());
                drop(self.child.wait());
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// An address of this machine with a port that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(probe.local_addr()?)
}

/// A folder of a system's own, which other accounts may enter; removed with this value.
pub(crate) fn home(work_dir: &Path, name: &str) -> Result<TempDir> {
    use std::os::unix::fs::PermissionsExt as _;
    let home = TempDir::with_prefix_in(format!("letterhead-bench-{name}-"), work_dir)
        .with_context(|| format!("cannot make a folder in {}", work_dir.display()))?;
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(home)
}

/// What a command prints; its failure is an error that shows what it said.
pub(crate) fn answer(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| shown.clone())?;
    if !output.status.success() {
        bail!("{shown}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A program of this name on the usual paths.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    [
        "/usr/sbin",
        "/usr/bin",
        "/usr/local/sbin",
        "/usr/local/bin",
        "/sbin",
        "/bin",
    ]
    .iter()
    .map(|folder| Path::new(folder).join(name))
    .find(|path| path.exists())
}

/// The user and group numbers of an account; `None` where there is none of that name.
pub(crate) fn account(name: &str) -> Option<(u32, u32)> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Whether this process may act as others; some servers refuse to run as root, others need to start as root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
