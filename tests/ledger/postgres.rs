//! A PostgreSQL server of the harness's own, so that it can be killed; with PostgreSQL's own durability settings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_postgres::{NoTls, SimpleQueryMessage, SimpleQueryRow};

use crate::{
    process::{SETPRIV, Signal, free_address},
    trouble::Fallible,
};

/// Where Debian's packages put the programs, a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
const SUPERUSER: &str = "letterhead";
/// Crash recovery of a small cluster takes a second or two.
const UP_WITHIN: Duration = Duration::from_mins(1);

/// A server that runs, or is being killed.
pub(crate) struct Cluster {
    programs: PathBuf,
    home: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// An empty cluster, up.
    pub(crate) async fn start(programs: Option<&Path>) -> Fallible<Self> {
        let programs = programs.map_or_else(newest_of_debian, |given| Ok(given.to_owned()))?;
        let mut cluster = Self {
            programs,
            home: tempfile::tempdir()?,
            port: free_address()?.port(),
            server: None,
        };
        if runs_as_root() {
            run(Command::new("chown").arg("postgres").arg(cluster.home.path()))?;
        }
        let data = cluster.home.path().join("data");
        let mut initdb = cluster.command("initdb");
        initdb.arg("-D").arg(data);
        run(initdb.args([
            "-U",
            SUPERUSER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]))?;
        cluster.up().await?;
        Ok(cluster)
    }

    /// Starts the server and waits until it takes connections.
    pub(crate) async fn up(&mut self) -> Fallible<()> {
        let until = Instant::now() + UP_WITHIN;
        self.spawn()?;
        loop {
            if self.connect("postgres").await.is_ok() {
                return Ok(());
            }
            // After SIGKILL the children of the old server must be gone first; until then a new one refuses to start.
            if self
                .server
                .as_mut()
                .is_some_and(|server| matches!(server.try_wait(), Ok(Some(_))))
            {
                self.spawn()?;
            }
            if Instant::now() > until {
                let log = fs::read_to_string(self.home.path().join("server.log")).unwrap_or_default();
                return Err(format!("PostgreSQL does not start:\n{log}").into());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends the server at once.
    pub(crate) fn down(&mut self, signal: Signal) -> Fallible<()> {
        if let Some(mut server) = self.server.take() {
            signal.send(server.id())?;
            server.wait()?;
        }
        Ok(())
    }

    /// Makes an empty database.
    pub(crate) async fn create(&self, name: &str) -> Fallible<()> {
        self.execute("postgres", &format!("CREATE DATABASE {name}")).await
    }

    /// Runs a statement.
    pub(crate) async fn execute(&self, database: &str, sql: &str) -> Fallible<()> {
        Ok(self.connect(database).await?.batch_execute(sql).await?)
    }

    /// What a query finds, as text.
    pub(crate) async fn query(&self, database: &str, sql: &str) -> Fallible<Vec<Vec<String>>> {
        let found = self.connect(database).await?.simple_query(sql).await?;
        let rows = found.iter().filter_map(|message| {
            let SimpleQueryMessage::Row(row) = message else {
                return None;
            };
            Some(row)
        });
        let text = |row: &SimpleQueryRow, place| row.get(place).unwrap_or_default().to_owned();
        Ok(rows
            .map(|row| (0..row.len()).map(|place| text(row, place)).collect())
            .collect())
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    async fn connect(&self, database: &str) -> Fallible<tokio_postgres::Client> {
        let (client, connection) = tokio_postgres::connect(&url(self.port, database), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    fn spawn(&mut self) -> Fallible<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.home.path().join("server.log"))?;
        let sockets = format!("unix_socket_directories={}", self.home.path().display());
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.home.path().join("data"));
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={}", self.port),
            &sockets,
            "max_connections=200",
        ] {
            server.args(["-c", setting]);
        }
        server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.server = Some(server.spawn()?);
        Ok(())
    }

    /// One of its programs, which refuse to be run by root, and end with us.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        if !Path::new(SETPRIV).exists() {
            return Command::new(program);
        }
        let mut command = Command::new(SETPRIV);
        command.args(["--pdeathsig", "QUIT"]).current_dir(self.home.path());
        if runs_as_root() {
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
        }
        command.arg(program);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The folder goes as well: there is nothing to be kept in order.
        self.down(Signal::Quit).ok();
    }
}

/// The URL of a database at a port of this machine.
pub(crate) fn url(port: u16, database: &str) -> String {
    format!("postgres://{SUPERUSER}@127.0.0.1:{port}/{database}")
}

fn newest_of_debian() -> Fallible<PathBuf> {
    let versions =
        fs::read_dir(DEBIAN).map_err(|_| "no PostgreSQL found: name its programs with --postgres-programs")?;
    let found = versions.filter_map(|version| {
        let version = version.ok()?;
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let programs = version.path().join("bin");
        programs.join("initdb").exists().then_some((number, programs))
    });
    let (_, programs) = found
        .max()
        .ok_or("no PostgreSQL found: name its programs with --postgres-programs")?;
    Ok(programs)
}

pub(crate) fn runs_as_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

pub(crate) fn run(command: &mut Command) -> Fallible<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {} {said}", command.get_program().display(), output.status).into())
}
