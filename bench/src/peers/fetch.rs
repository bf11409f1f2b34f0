//! Programs of peers that are not installed, unpacked into a folder: Debian's packages of mail servers exclude each other.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::process::answer;

/// Written when a folder is complete.
const COMPLETE: &str = "complete";

/// A program in a folder of its own.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) folder: PathBuf,
    pub(super) version: String,
}

/// Unpacks Debian packages; the first one's version is the program's.
pub(super) fn debian(peers_dir: &Path, packages: &[&str]) -> Result<Fetched> {
    let name = packages.first().context("no package")?;
    let folder = peers_dir.join(name);
    once(&folder, || {
        answer(
            Command::new("apt-get")
                .args(["download", "-qq"])
                .args(packages)
                .current_dir(&folder),
        )?;
        let mut version = String::new();
        for file in fs::read_dir(&folder)?.flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|extension| extension == "deb") {
                let field = |name: &str| answer(Command::new("dpkg-deb").arg("-f").arg(&file).arg(name));
                if field("Package")? == *name {
                    version = field("Version")?;
                }
                answer(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&folder))?;
            }
        }
        Ok(version)
    })
}

/// Installs a package of Node's into a folder, without running its scripts.
pub(super) fn npm(peers_dir: &Path, package: &str, major: &str) -> Result<Fetched> {
    let folder = peers_dir.join(package);
    once(&folder, || {
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
        answer(install.arg(&folder).arg(format!("{package}@{major}")))?;
        let manifest = fs::read(folder.join("node_modules").join(package).join("package.json"))?;
        let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
        let version = manifest.get("version").and_then(serde_json::Value::as_str);
        Ok(version.context("a package without a version")?.to_owned())
    })
}

/// Fills a folder, unless it is full.
fn once(folder: &Path, fill: impl FnOnce() -> Result<String>) -> Result<Fetched> {
    let complete = folder.join(COMPLETE);
    let version = if let Ok(version) = fs::read_to_string(&complete) {
        version
    } else {
        fs::create_dir_all(folder)?;
        let version = fill().context("not available: it cannot be fetched")?;
        fs::write(&complete, &version)?;
        version
    };
    Ok(Fetched {
        folder: folder.to_owned(),
        version,
    })
}
