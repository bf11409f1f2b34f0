//! A view of the file system for servers whose accounts and paths are built in: what they want to find is laid over the
//! machine's own, for them alone.
//!
//! It is a mount namespace (unshare(1)), so nothing of the machine changes and nothing is left behind.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::process::{find_program, is_root};

/// Numbers that no account of the machine is likely to have.
const FIRST_ID: u32 = 64_101;

/// What is laid over what.
#[derive(Debug)]
pub(super) struct Sandbox<'a> {
    home: &'a Path,
    script: String,
}

impl<'a> Sandbox<'a> {
    /// The machine as it is, with further accounts; their files lie in `home`.
    pub(super) fn with_accounts(home: &'a Path, names: &[&str]) -> Result<Self> {
        if !is_root() || find_program("unshare").is_none() {
            bail!("not available: its accounts and paths are built in, and only root can give it others (unshare)");
        }
        let (mut passwd, mut group) = (fs::read_to_string("/etc/passwd")?, fs::read_to_string("/etc/group")?);
        for (name, id) in names.iter().zip(FIRST_ID..) {
            // Writing to a String cannot fail.
            let _ = writeln!(passwd, "{name}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin");
            let _ = writeln!(group, "{name}:x:{id}:");
        }
        fs::write(home.join("passwd"), passwd)?;
        fs::write(home.join("group"), group)?;
        let sandbox = Self {
            home,
            script: "set -e; ".to_owned(),
        };
        Ok(sandbox.lay("passwd", "/etc/passwd").lay("group", "/etc/group"))
    }

    /// The number of the account at this place of the list.
    pub(super) const fn account(place: u32) -> u32 {
        FIRST_ID + place
    }

    /// Lays a file or folder of `home`, or one at an absolute path, over one of the machine's.
    pub(super) fn lay(mut self, ours: impl AsRef<Path>, theirs: &str) -> Self {
        let ours = self.home.join(ours);
        let _ = write!(self.script, "mount --bind '{}' '{theirs}'; ", ours.display());
        self
    }

    /// A command that becomes `program`, in it.
    pub(super) fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let script = format!("{}exec \"$0\" \"$@\"", self.script);
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        command.args(["sh", "-c", &script]).arg(program).args(arguments);
        command
    }
}
