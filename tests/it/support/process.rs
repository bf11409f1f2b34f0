//! The real program as a process of its own: started, told, killed.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::{
    http::Client,
    postgres::PostgresDatabase,
    service::{OPERATOR_SECRET, PATIENCE, base_settings},
};

/// The program, as it was built beside these tests.
pub(crate) fn program() -> Command {
    let here = std::env::current_exe().unwrap();
    let built: PathBuf = here.ancestors().nth(2).unwrap().join("letterhead");
    assert!(
        built.exists(),
        "{} is not built: run with --workspace --all-targets",
        built.display()
    );
    let mut command = Command::new(built);
    command.env_clear();
    command
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where a program keeps its data over restarts.
pub(crate) struct Home {
    pub(crate) folder: TempDir,
    database: Option<PostgresDatabase>,
    pub(crate) address: SocketAddr,
    internal: SocketAddr,
}

impl Home {
    pub(crate) fn new() -> Self {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            folder: tempfile::tempdir().unwrap(),
            database: PostgresDatabase::create(),
            address: at(free_port()),
            internal: at(free_port()),
        }
    }

    /// What `LETTERHEAD_DATABASE_URL` takes.
    pub(crate) fn database_url(&self) -> String {
        let file = || format!("sqlite://{}/letterhead.db", self.folder.path().display());
        self.database.as_ref().map_or_else(file, PostgresDatabase::url)
    }

    /// A command of the program on this data.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command
            .args(arguments)
            .envs(base_settings(&self.folder))
            .current_dir(self.folder.path());
        command
            .env("LETTERHEAD_LISTEN", self.address.to_string())
            .env("LETTERHEAD_INTERNAL_LISTEN", self.internal.to_string());
        if let Some(database) = &self.database {
            command.env("LETTERHEAD_DATABASE_URL", database.url());
        }
        command
    }

    /// A command run to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// `serve`, ready.
    pub(crate) async fn serve(&self) -> Serving {
        let child = self
            .command(&["serve"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let serving = Serving { child };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.run(&["health"]).status.success() {
            assert!(tokio::time::Instant::now() < deadline, "the program is not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        serving
    }

    /// The operator, at the service that runs now.
    pub(crate) async fn operator(&self) -> Client {
        Client::of_client(self.address, "ops", OPERATOR_SECRET).await
    }
}

/// A running program; killed with this value.
pub(crate) struct Serving {
    child: Child,
}

impl Serving {
    /// SIGKILL, now.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit code.
    pub(crate) async fn terminate(mut self) -> Option<i32> {
        let told = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(told.success());
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(tokio::time::Instant::now() < deadline, "the program does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Already gone where the test ended it itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
