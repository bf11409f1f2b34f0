//! The program as processes of its own: started, killed, stopped, told to end.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::trouble::Fallible;

/// How often a process is looked at while something is awaited of it.
const GLANCE: Duration = Duration::from_millis(10);

/// A process of the program, with what it needs to be started again as it was.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    program: PathBuf,
    arguments: Vec<&'static str>,
    variables: BTreeMap<&'static str, String>,
    folder: PathBuf,
    /// Where its readiness is asked for.
    health: SocketAddr,
    /// Where its metrics are.
    internal: SocketAddr,
    /// The size of its files, where that is limited, in mebibytes.
    largest_file: Option<u32>,
    child: Option<Child>,
}

/// A signal that the harness sends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
    /// SIGQUIT: to PostgreSQL, an immediate end.
    Quit,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Kill => "KILL",
            Self::Terminate => "TERM",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Quit => "QUIT",
        }
    }

    /// Sends it. No signal can be sent with the standard library alone, so `kill` does it.
    pub(crate) fn send(self, process: u32) -> Fallible<()> {
        let status = Command::new("kill")
            .args(["-s", self.name(), &process.to_string()])
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("kill -s {}: {status}", self.name()).into())
        }
    }
}

impl Part {
    pub(crate) fn new(name: &'static str, program: &Path, folder: PathBuf, health: SocketAddr) -> Fallible<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            name,
            program: program.to_owned(),
            arguments: vec!["serve"],
            variables: BTreeMap::new(),
            folder,
            health,
            internal: health,
            largest_file: None,
            child: None,
        })
    }

    pub(crate) const fn health(&self) -> SocketAddr {
        self.health
    }

    /// Tells where its metrics are.
    pub(crate) const fn counts_at(&mut self, internal: SocketAddr) {
        self.internal = internal;
    }

    #[must_use]
    pub(crate) fn only(mut self, part: &'static str) -> Self {
        self.arguments.extend(["--only", part]);
        self
    }

    pub(crate) fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.variables.insert(variable, value.into());
    }

    pub(crate) fn unset(&mut self, variable: &'static str) {
        self.variables.remove(variable);
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(&mut self) -> Fallible<()> {
        let log = self.log()?;
        let mut command = dying_with_us("KILL", &self.program, self.largest_file);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(&self.folder);
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// Starts it and waits until it does its part.
    pub(crate) async fn start(&mut self) -> Fallible<()> {
        self.spawn()?;
        self.ready(Duration::from_secs(30)).await
    }

    /// Waits until it says that it does its part.
    pub(crate) async fn ready(&mut self, within: Duration) -> Fallible<()> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(2))
            .build()?;
        let url = format!("http://{}/readyz", self.health);
        let until = Instant::now() + within;
        loop {
            let answer = http.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.ended()? {
                return Err(format!("{} ended ({status}); see {}", self.name, self.log_path().display()).into());
            }
            if Instant::now() > until {
                return Err(format!("{} is not ready; see {}", self.name, self.log_path().display()).into());
            }
            sleep(GLANCE).await;
        }
    }

    /// Sends a signal to it.
    pub(crate) fn signal(&self, signal: Signal) -> Fallible<()> {
        signal.send(self.process()?)
    }

    /// The process's number.
    pub(crate) fn process(&self) -> Fallible<u32> {
        Ok(self.child.as_ref().ok_or("the process does not run")?.id())
    }

    /// Has it refused to write larger files than this, from its next start.
    pub(crate) const fn limit_files(&mut self, mebibytes: u32) {
        self.largest_file = Some(mebibytes);
    }

    /// SIGKILL, and gone.
    pub(crate) fn kill(&mut self) -> Fallible<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn end(&mut self, within: Duration) -> Fallible<ExitStatus> {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                self.child = None;
                return Ok(status);
            }
            if Instant::now() > until {
                return Err(format!("{} does not end", self.name).into());
            }
            sleep(GLANCE).await;
        }
    }

    /// Tells it to end and waits until it has; and the last that it said of possible duplicates. It stops to answer before it
    /// stops to send, so a duplicate of its very last moments would be the sink's word against nobody's.
    pub(crate) async fn terminate(&mut self, within: Duration) -> Fallible<(ExitStatus, usize)> {
        let counted = self.possible_duplicates().await?;
        self.signal(Signal::Terminate)?;
        Ok((self.end(within).await?, counted))
    }

    /// The possible duplicates that it has counted since it was started.
    pub(crate) async fn possible_duplicates(&self) -> Fallible<usize> {
        const NAME: &str = "letterhead_possible_duplicates_total ";
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(2))
            .build()?;
        let url = format!("http://{}/metrics", self.internal);
        let text = http.get(&url).send().await?.error_for_status()?.text().await?;
        let value = text.lines().find_map(|line| line.strip_prefix(NAME));
        Ok(value
            .ok_or_else(|| format!("{} does not count {NAME}", self.name))?
            .parse()?)
    }

    fn ended(&mut self) -> Fallible<Option<ExitStatus>> {
        Ok(self.child.as_mut().map(Child::try_wait).transpose()?.flatten())
    }

    fn log(&self) -> Fallible<File> {
        Ok(OpenOptions::new().create(true).append(true).open(self.log_path())?)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.with_extension("log")
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Nothing is left to be done where even that fails.
        self.kill().ok();
    }
}

/// A command that is killed with the harness, however that ends, where the system can do it.
fn dying_with_us(signal: &str, program: &Path, largest_file: Option<u32>) -> Command {
    let mut line = Vec::new();
    if Path::new(SETPRIV).exists() {
        line.extend([SETPRIV.to_owned(), "--pdeathsig".to_owned(), signal.to_owned()]);
    }
    if let Some(mebibytes) = largest_file {
        // `ulimit` counts in blocks of 512 octets; the signal of its excess would kill, where a full disk only refuses.
        let limited = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", mebibytes * 2048);
        line.extend(["/bin/sh".to_owned(), "-c".to_owned(), limited]);
    }
    line.push(program.display().to_string());
    let mut words = line.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// Of util-linux.
pub(crate) const SETPRIV: &str = "/usr/bin/setpriv";

/// An address whose port was free a moment ago.
pub(crate) fn free_address() -> Fallible<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
