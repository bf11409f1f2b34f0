//! Dovecot as what Postfix asks about passwords (SASL): its authentication service alone, no mailbox and no port.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tokio::time::{sleep, timeout};

use super::{DEADLINE, LONGEST_LIFE, POLL};

/// A running Dovecot, stopped with this value.
pub(super) struct Dovecot {
    home: PathBuf,
    process: Child,
}

impl Dovecot {
    /// Starts it below `home`, for accounts as (name, password); ready when this returns.
    pub(super) async fn start(home: &Path, accounts: &[(String, String)]) -> Self {
        let lines = accounts
            .iter()
            .map(|(name, password)| format!("{name}:{{PLAIN}}{password}\n"));
        fs::write(home.join("accounts"), lines.collect::<String>()).unwrap();
        fs::write(home.join("dovecot.conf"), configuration(home)).unwrap();
        let process = Command::new("timeout")
            .arg(LONGEST_LIFE.as_secs().to_string())
            .args(["dovecot", "-F", "-c"])
            .arg(home.join("dovecot.conf"))
            .stdin(Stdio::null())
            .spawn()
            .expect("Dovecot starts: Debian's `dovecot-core`");
        let dovecot = Self {
            home: home.to_owned(),
            process,
        };
        dovecot.answers().await;
        dovecot
    }

    /// What it logged so far: every question Postfix asked it.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.home.join("dovecot.log")).unwrap_or_default()
    }

    async fn answers(&self) {
        let socket = self.home.join("sasl");
        let ready = timeout(DEADLINE, async {
            while UnixStream::connect(&socket).is_err() {
                sleep(POLL).await;
            }
        });
        ready
            .await
            .unwrap_or_else(|_| panic!("Dovecot did not start:\n{}", self.log()));
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let asked = Command::new("doveadm")
            .arg("-c")
            .arg(self.home.join("dovecot.conf"))
            .arg("stop")
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn configuration(home: &Path) -> String {
    let home = home.display();
    format!(
        "base_dir = {home}/dovecot
log_path = {home}/dovecot.log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_debug = yes
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = username_format=%u {home}/accounts
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {home}/sasl {{
    mode = 0600
    user = postfix
  }}
}}
"
    )
}
