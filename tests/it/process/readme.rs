//! The README's commands, run as they stand: only addresses that exist nowhere are replaced.

use std::{path::PathBuf, process::Command};

use crate::support::process::{Home, program};

/// The shell blocks of a page, in order.
fn shell_blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        match (line.trim(), &mut block) {
            ("```sh", None) => block = Some(String::new()),
            ("```", Some(_)) => blocks.extend(block.take()),
            (command, Some(open)) => {
                open.push_str(command);
                open.push('\n');
            }
            (_, None) => {}
        }
    }
    blocks
}

#[test]
fn the_commands_for_running_it_for_real_do() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let blocks = shell_blocks(&std::fs::read_to_string(page).unwrap());
    // The gate itself runs these two; the rest is one session at a shell.
    assert_eq!((blocks[0].as_str(), blocks[1].as_str()), ("make demo\n", "make test\n"));
    let home = Home::new();
    let session = blocks[2..].join("\n");
    for given in [
        "postgres://letterhead:secret@db.example/letterhead",
        "http://127.0.0.1:8080",
        "letterhead serve",
    ] {
        assert!(session.contains(given), "the README no longer says {given:?}");
    }
    let session = session
        .replace(
            "postgres://letterhead:secret@db.example/letterhead",
            &home.database_url(),
        )
        .replace("http://127.0.0.1:8080", &format!("http://{}", home.address))
        .replace(
            "letterhead serve",
            "{ letterhead serve & }\ntrap 'kill %1; wait' EXIT\nuntil letterhead health; do sleep 0.1; done",
        )
        .replace("curl -s ", "curl -sS --fail-with-body ");
    let script = format!("set -euo pipefail\n{session}");
    let folder = PathBuf::from(program().get_program()).parent().unwrap().to_owned();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());

    let mut shell = Command::new("bash");
    shell
        .args(["-c", &script])
        .current_dir(home.folder.path())
        .env_clear()
        .env("PATH", path);
    shell
        .env("LETTERHEAD_LISTEN", home.address.to_string())
        .env("LETTERHEAD_INTERNAL_LISTEN", "127.0.0.1:0");
    let output = shell.output().unwrap();

    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    assert!(said.contains("\"kind\":\"two_factor_code\""), "{said}");
}
