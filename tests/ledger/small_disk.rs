//! A disk that is soon full: a memory file system where we may mount one, else a limit on the size of files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    postgres::{run, runs_as_root},
    process::Part,
    trouble::Fallible,
};

/// Room at first: the empty database, its write-ahead log (4 MiB until it is folded in), and some hundred messages.
const MEBIBYTES: u32 = 8;
/// Room that is added each time.
const MORE: u32 = 4;
/// Room at last.
const ENOUGH: u32 = 2048;

/// The disk of one database.
pub(crate) enum SmallDisk {
    /// Mounted by us; unmounted when dropped.
    Mounted { place: PathBuf, size: u32 },
    /// The process may not write larger files. Without root.
    Limited,
}

/// How much room is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Some.
    More,
    /// For all.
    Enough,
}

impl SmallDisk {
    /// Mounts it, or has the process limited once it is started.
    pub(crate) fn at(place: &Path) -> Fallible<Self> {
        fs::create_dir_all(place)?;
        let size = format!("size={MEBIBYTES}m,mode=700");
        let mounted = runs_as_root()
            && run(Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
                .arg(place))
            .is_ok();
        Ok(if mounted {
            Self::Mounted {
                place: place.to_owned(),
                size: MEBIBYTES,
            }
        } else {
            Self::Limited
        })
    }

    /// Has a process feel it.
    pub(crate) fn confine(&self, part: &mut Part) {
        if matches!(self, Self::Limited) {
            part.limit_files(MEBIBYTES / 2);
        }
    }

    /// Makes room.
    pub(crate) fn widen(&mut self, room: Room, part: &Part) -> Fallible<()> {
        match self {
            Self::Mounted { place, size } => {
                *size = if room == Room::Enough { ENOUGH } else { *size + MORE };
                let option = format!("remount,size={size}m");
                run(Command::new("mount").args(["-o", &option]).arg(place))
            }
            Self::Limited => {
                let process = part.process()?.to_string();
                run(Command::new("prlimit").args(["--pid", &process, "--fsize=unlimited"]))
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Self::Mounted { place, .. } = self {
            // Lazily: whoever still looks at it may finish.
            run(Command::new("umount").arg("--lazy").arg(place)).ok();
        }
    }
}
