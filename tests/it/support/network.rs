//! A network for one test, in which every address there is answers on this machine, and none beyond can be reached.
//!
//! On the machine's own network a connection to 169.254.169.254 goes nowhere, and a test that sees none has seen nothing. In
//! a namespace of its own (unshare(1)) the loopback takes every address, so that what leaks is caught; the name server is the
//! test's, too.

use std::{fs, process::Command};

use super::environment::{self, told_by_runner};

const SCRIPT: &str = "set -e
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
ip -6 route add local ::/0 dev lo
for file in hosts nsswitch.conf resolv.conf; do mount --bind \"$0/$file\" \"/etc/$file\"; done
exec \"$@\"";

/// Runs an ignored test of this binary in such a network; `false` where the runner said that it cannot be had.
pub(crate) fn pass_alone(test: &str) -> bool {
    if told_by_runner(environment::WITHOUT_NAMESPACES).is_some() {
        return false;
    }
    let etc = tempfile::tempdir().unwrap();
    for (file, text) in [
        (
            "hosts",
            "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
        ),
        ("nsswitch.conf", "hosts: files dns\n"),
        ("resolv.conf", "nameserver 127.0.0.1\n"),
    ] {
        fs::write(etc.path().join(file), text).unwrap();
    }
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "--mount", "sh", "-c", SCRIPT])
        .arg(etc.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        // The machine's database cannot be reached from there.
        .env_remove(environment::POSTGRES)
        .output()
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success(),
        "set {}=1 where there is no unshare(1) or it may not be used:\n{said}",
        environment::WITHOUT_NAMESPACES
    );
    assert!(said.contains("1 passed"), "there is no such test:\n{said}");
    true
}
