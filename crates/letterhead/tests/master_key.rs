//! The master key: made once, kept, and refused where it would not be safe.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    thread,
};

use domain::secret::ExposeSecret;
use letterhead::{
    config::{Config, Environment, Flags, load},
    master_key::load_or_create_master_key,
};

fn config_of(variables: &[(&str, &str)]) -> Config {
    let environment: Environment = variables.iter().copied().collect();
    load(&Flags::default(), &environment)
        .unwrap_or_else(|_| panic!())
        .config
}

fn config_in(folder: &Path) -> Config {
    config_of(&[("LETTERHEAD_DATA_DIR", folder.to_str().unwrap())])
}

fn key_in(folder: &Path) -> Result<[u8; 32], String> {
    load_or_create_master_key(&config_in(folder))
        .map(|key| *key.expose_secret())
        .map_err(|error| error.to_string())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_makes_a_key_that_later_starts_find() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep/data");

    let first = key_in(&folder).unwrap();

    assert_eq!(key_in(&folder), Ok(first));
    assert_ne!(first, [0; 32]);
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("master.key")), 0o600);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "a draft was left behind");
}

#[test]
fn starts_at_the_same_moment_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let keys: Vec<_> = thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| key_in(folder.path()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(keys[0].is_ok(), "{keys:?}");
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[test]
fn a_configured_key_is_used_and_no_file_made() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_of(&[
        ("LETTERHEAD_DATA_DIR", folder.path().to_str().unwrap()),
        ("LETTERHEAD_MASTER_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="),
    ]);
    let key = load_or_create_master_key(&config).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(*key.expose_secret(), [1; 32]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_other_accounts_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    key_in(folder.path()).unwrap();
    let path = folder.path().join("master.key");
    for open in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
        let refused = key_in(folder.path()).unwrap_err();
        assert!(
            refused.starts_with("other accounts can reach the master key "),
            "{refused}"
        );
        assert!(refused.contains("chmod 600"), "{refused}");
    }
}

#[test]
fn a_damaged_file_is_refused_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    for damaged in ["", "c2hvcnQ=", "not base64"] {
        fs::write(&path, damaged).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let refused = key_in(folder.path()).unwrap_err();
        assert!(
            refused.contains("does not hold a key of 32 bytes in base64"),
            "{refused}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_one_line_that_says_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    let refused = key_in(folder.path()).unwrap_err();
    assert!(refused.starts_with("cannot read the master key "), "{refused}");
    assert!(refused.ends_with("or set LETTERHEAD_MASTER_KEY"), "{refused}");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_one_line_that_says_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let occupied = folder.path().join("occupied");
    fs::write(&occupied, "").unwrap();
    let refused = key_in(&occupied.join("data")).unwrap_err();
    assert_eq!(refused.lines().count(), 1);
    assert!(refused.contains("master.key"), "{refused}");
}
