//! The bench itself works: a tiny run of every scenario on the program that was built beside it. It asserts no speed.

use std::{path::Path, process::Command};

use serde_json::Value;

#[test]
fn a_tiny_run_reports_every_scenario() {
    let bench = Path::new(env!("CARGO_BIN_EXE_bench"));
    let letterhead = bench.with_file_name("letterhead");
    assert!(
        letterhead.exists(),
        "{} is not built: run with --workspace --all-targets",
        letterhead.display()
    );
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.json");

    let ran = Command::new(bench)
        .arg("--smoke")
        .arg("--letterhead")
        .arg(&letterhead)
        .arg("--work-dir")
        .arg(folder.path())
        .arg("--out")
        .arg(&results)
        .output()
        .unwrap();

    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(&results).unwrap()).unwrap();
    let scenarios: Vec<(&str, usize)> = report["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scenario| {
            let figures = scenario["figures"].as_array().unwrap();
            (scenario["name"].as_str().unwrap(), figures.len())
        })
        .collect();
    let expected = [
        ("throughput", 3),
        ("accept", 8),
        ("idle", 2),
        ("backlog", 3),
        ("fairness", 3),
        ("neighbours", 6),
        ("queued", 8),
        // SQLite serves one process.
        ("nodes", 0),
    ];
    assert_eq!(scenarios, expected);
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["results.json"], "every system's folder is removed");
}
