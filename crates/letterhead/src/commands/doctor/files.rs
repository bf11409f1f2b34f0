//! What is kept on this machine: the master key and the data folder, for this account alone.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::Path,
};

use domain::secret::{ExposeSecret, Secret};
use storage::DatabaseUrl;

use super::{report::Report, settings::is_secret};
use crate::{
    config::{Config, Loaded, Origin},
    master_key::KeyFile,
};

/// File systems on which locks and shared memory cannot be relied on (sqlite.org, "How To Corrupt An SQLite Database").
const REMOTE: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"];
/// Where this kernel lists what is mounted.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Looks at the files; gives the keys that may be the database's.
pub(super) fn check(loaded: &Loaded, report: &mut Report) -> Vec<Secret<[u8; 32]>> {
    let config = &loaded.config;
    check_configuration_file(loaded, report);
    check_data_folder(config, report);
    if let DatabaseUrl::Sqlite(path) = &config.database_url {
        check_file_system(path, report);
    }
    let Some(file) = KeyFile::of(config) else {
        report.ok("master_key", "given by the configuration");
        return given(config);
    };
    check_key_file(config, &file, report);
    file.candidates()
}

fn given(config: &Config) -> Vec<Secret<[u8; 32]>> {
    let copy =
        |key: &Secret<[u8; 32]>| Secret::init_with_mut(|copy: &mut [u8; 32]| copy.copy_from_slice(key.expose_secret()));
    config.master_key.iter().map(copy).collect()
}

fn check_key_file(config: &Config, file: &KeyFile, report: &mut Report) {
    let path = file.path();
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.skipped("master_key", format!("{shown} is made at the first start"));
        }
        Err(error) => report.error(
            "master_key",
            format!("{shown} cannot be looked at ({error})"),
            "make it readable for the account that runs letterhead",
        ),
        Ok(metadata) if open_to_others(&metadata) => {
            let finding = format!(
                "other accounts can reach {shown} (mode {:04o})",
                metadata.mode() & 0o777
            );
            let fix =
                format!("run `chmod 600 {shown}`, then `letterhead keys rotate`: think of the key as known to them");
            // The program reads its own file only where it is private; how a named one is mounted, others decide.
            if config.master_key_file.is_some() {
                report.warning("master_key", finding, fix);
            } else {
                report.error("master_key", finding, fix);
            }
        }
        Ok(_) if fs::File::open(path).is_err() => report.error(
            "master_key",
            format!("{shown} cannot be read by this account"),
            "run the doctor as the account that runs letterhead, or make the key readable for it",
        ),
        Ok(_) => report.ok("master_key", format!("{shown} is for this account alone")),
    }
    check_leftovers(path, report);
}

/// Keys that lie beside the one in use.
fn check_leftovers(path: &Path, report: &mut Report) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return;
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let retired = names
        .iter()
        .filter(|found| {
            found
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(".retired-"))
        })
        .count();
    if retired > 0 {
        report.warning(
            "master_key",
            format!("{retired} retired master keys lie in {}", folder.display()),
            "keep them with the backups that they open, apart from the database",
        );
    }
    if names.iter().any(|found| *found == format!("{name}.next")) {
        report.warning(
            "master_key",
            format!("a rotation of {} was cut short", path.display()),
            "start letterhead, or run `letterhead keys rotate` again: either ends it",
        );
    }
}

fn check_data_folder(config: &Config, report: &mut Report) {
    let path = &config.data_dir;
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.skipped("data_dir", format!("{shown} is made at the first start"));
        }
        Err(error) => report.error(
            "data_dir",
            format!("{shown} cannot be looked at ({error})"),
            "make it readable for the account that runs letterhead",
        ),
        Ok(metadata) if !metadata.is_dir() => {
            report.error(
                "data_dir",
                format!("{shown} is no folder"),
                "name a folder with LETTERHEAD_DATA_DIR",
            );
        }
        Ok(metadata) if metadata.mode() & 0o200 == 0 => report.error(
            "data_dir",
            format!("{shown} cannot be written by its owner"),
            format!("run `chmod 700 {shown}`"),
        ),
        Ok(metadata) if open_to_others(&metadata) => report.warning(
            "data_dir",
            format!(
                "other accounts can reach {shown} (mode {:04o})",
                metadata.mode() & 0o777
            ),
            format!("run `chmod 700 {shown}`"),
        ),
        Ok(_) => report.ok("data_dir", format!("{shown} is for this account alone")),
    }
}

/// A configuration file that holds a secret.
fn check_configuration_file(loaded: &Loaded, report: &mut Report) {
    let holder = loaded.values.iter().find_map(|value| match &value.origin {
        Origin::ConfigFile { path, .. } if is_secret(value) => Some((path, value.key)),
        Origin::ConfigFile { .. }
        | Origin::Flag(_)
        | Origin::Variable(_)
        | Origin::NamedFile { .. }
        | Origin::Default => None,
    });
    if let Some((path, key)) = holder
        && fs::metadata(path).is_ok_and(|metadata| open_to_others(&metadata))
    {
        report.warning(
            "configuration",
            format!("other accounts can read {} in {}", key, path.display()),
            format!("run `chmod 600 {}`, and give a new {key}", path.display()),
        );
    }
}

fn check_file_system(path: &Path, report: &mut Report) {
    let mounts = fs::read_to_string(MOUNTS).unwrap_or_default();
    let folder = path.parent().and_then(|folder| fs::canonicalize(folder).ok());
    let Some(kind) = folder.and_then(|folder| file_system(&mounts, &folder)) else {
        return;
    };
    if REMOTE.contains(&kind.as_str()) {
        report.error(
            "database",
            format!(
                "{} is on a network file system ({kind}), where SQLite can lose data",
                path.display()
            ),
            "move it to a disk of this machine, or use PostgreSQL",
        );
    }
}

/// The kind of the file system that a folder is on (`proc_pid_mountinfo(5)`): that of the longest mount point above it.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let mounted = mounts.lines().filter_map(|line| {
        let (fields, rest) = line.split_once(" - ")?;
        Some((Path::new(fields.split(' ').nth(4)?), rest.split(' ').next()?))
    });
    let above = mounted.filter(|(point, _)| folder.starts_with(point));
    let nearest = above.max_by_key(|(point, _)| point.components().count());
    nearest.map(|(_, kind)| kind.to_owned())
}

fn open_to_others(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_on_the_file_system_of_the_nearest_mount_point() {
        let mounts = "22 1 0:21 / / rw shared:1 - ext4 /dev/sda1 rw\n\
                      40 22 0:35 / /srv rw,relatime shared:2 - nfs4 host:/srv rw\n\
                      41 40 0:36 / /srv/local rw - xfs /dev/sdb1 rw\n";
        let on = |folder: &str| file_system(mounts, Path::new(folder));
        assert_eq!(on("/var/lib/letterhead").as_deref(), Some("ext4"));
        assert_eq!(on("/srv/data").as_deref(), Some("nfs4"));
        assert_eq!(on("/srv/local/data").as_deref(), Some("xfs"));
        assert_eq!(on("/srvx").as_deref(), Some("ext4"));
    }
}
