//! Which relay process this is: the same after a restart on the same data folder.
//!
//! Leases are renewed by identity, so no two live processes may have one: each holds a lock on its identity's file, and the
//! next one on the same folder takes the next file. The lock dies with the process.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
};

use domain::ids::{IdSource, NodeId};

use super::ensure_folder;
use crate::start_error::StartError;

/// Relay processes on one data folder at most.
const MOST: u32 = 64;

/// An identity that no other live process has; until dropped.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) node: NodeId,
    _lock: File,
}

/// The first identity of this folder that is free, made where there is none.
pub(super) fn take_identity(data_dir: &Path, ids: &dyn IdSource) -> Result<Identity, StartError> {
    ensure_folder(data_dir)?;
    for number in 0..MOST {
        let path = data_dir.join(format!("node-{number}.id"));
        match try_take(&path, ids) {
            Ok(Some(identity)) => return Ok(identity),
            Ok(None) => {}
            Err(error) => {
                return Err(StartError::new(
                    format!("cannot use {} ({error})", path.display()),
                    "make it writable for the account that runs letterhead",
                ));
            }
        }
    }
    Err(StartError::new(
        format!("{MOST} relay processes run on {}", data_dir.display()),
        "give this one another folder with --data-dir",
    ))
}

/// The identity in a file, unless another process holds it.
fn try_take(path: &Path, ids: &dyn IdSource) -> io::Result<Option<Identity>> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let node = if let Ok(known) = text.trim().parse() {
        known
    } else {
        let fresh = NodeId::generate(ids);
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(format!("{fresh}\n").as_bytes())?;
        fresh
    };
    Ok(Some(Identity { node, _lock: file }))
}

/// The host's name, for people.
pub(super) fn name() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = kernel.trim();
    if name.is_empty() {
        "relay".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::TimeOrderedIds;

    use super::*;

    #[test]
    fn a_restarted_process_is_the_same_and_two_live_ones_differ() {
        let folder = tempfile::tempdir().unwrap();
        let take = || take_identity(folder.path(), &TimeOrderedIds).unwrap();
        let first = take();
        let second = take();
        assert_ne!(first.node, second.node);
        let before = first.node;
        drop(first);
        assert_eq!(take().node, before);
    }
}
