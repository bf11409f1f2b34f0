//! The files of a rotation: at every moment one of them holds the key that opens the database.
//!
//! The new key is written and flushed beside the old one as `<file>.next`, then the database commits, then `.next` is renamed
//! over the old one. A start in between tries both and finishes the rename; one before the commit never needs `.next`. The
//! old key stays as `<file>.retired-<time>`: backups made until then open with nothing else.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use domain::{
    clock::Clock,
    secret::{ExposeSecret, Secret},
};
use storage::Store;
use zeroize::Zeroizing;

use super::{FILE_NAME, write_key};
use crate::{
    config::{Config, parse_key},
    start_error::StartError,
};

/// Where this kernel lists what is mounted.
const MOUNTS: &str = "/proc/self/mountinfo";

/// The file that holds the master key, where it is one that this program reads itself.
#[derive(Debug, Clone)]
pub struct KeyFile(PathBuf);

/// A new key that is on disk beside the old one; which of them counts, the database decides.
#[derive(Debug)]
pub struct Staged {
    file: KeyFile,
    retired: PathBuf,
    /// Keeps a second rotation away.
    _lock: File,
}

impl KeyFile {
    /// The file that this configuration's key comes from; none where the key itself was given.
    #[must_use]
    pub fn of(config: &Config) -> Option<Self> {
        match (&config.master_key, &config.master_key_file) {
            (None, _) => Some(Self(config.data_dir.join(FILE_NAME))),
            (Some(_), Some(path)) => Some(Self(path.clone())),
            (Some(_), None) => None,
        }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The keys that may be the database's now. What cannot be read is none.
    #[must_use]
    pub fn candidates(&self) -> Vec<Secret<[u8; 32]>> {
        [self.path(), &self.next()].into_iter().filter_map(read_key).collect()
    }

    /// Ends a rotation that was cut short after its commit: where the database has the key of `.next`, that takes its place.
    ///
    /// # Errors
    /// [`StartError`] where the file cannot be replaced; the database stays readable all the same.
    pub fn settle(&self, store: &Store) -> Result<(), StartError> {
        match read_key(&self.next()) {
            Some(next) if store.has_master_key(&next) => self.install(),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes the new key beside the old one, and the old one under the name it will keep.
    ///
    /// # Errors
    /// [`StartError`] where the folder cannot be written, or another rotation is at it; the key in use is not touched.
    pub fn stage(&self, new: &Secret<[u8; 32]>) -> Result<Staged, StartError> {
        if is_mount_point(&self.0) {
            return Err(StartError::new(
                format!("the key file {} is mounted and cannot be replaced", self.0.display()),
                "give the new key with --new-key-file, and mount that one afterwards",
            ));
        }
        self.try_stage(new).map_err(|error| {
            StartError::new(
                format!("cannot write a new key beside {} ({error})", self.0.display()),
                "make its folder writable for this account, or give the new key with --new-key-file",
            )
        })
    }

    fn try_stage(&self, new: &Secret<[u8; 32]>) -> io::Result<Staged> {
        let lock = File::open(&self.0)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("another rotation is at work")),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let old = lock.metadata()?;
        if fs::metadata(&self.0)?.ino() != old.ino() {
            return Err(io::Error::other("another rotation has just ended"));
        }
        let retired = self.beside(&format!(
            "retired-{}",
            Clock::system().now().format("%Y%m%dT%H%M%S%3fZ")
        ));
        fs::hard_link(&self.0, &retired)?;
        let staged = Staged {
            file: self.clone(),
            retired,
            _lock: lock,
        };
        match self.write_next(new, &old) {
            Ok(()) => Ok(staged),
            Err(error) => {
                staged.abandon();
                Err(error)
            }
        }
    }

    /// For whoever may read the old key, and for nobody else.
    fn write_next(&self, new: &Secret<[u8; 32]>, old: &fs::Metadata) -> io::Result<()> {
        let next = self.next();
        // What an earlier attempt left behind opens nothing.
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&next)?;
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
            chown(&next, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
        write_key(&mut file, new.expose_secret())?;
        self.sync_folder()
    }

    fn install(&self) -> Result<(), StartError> {
        let next = self.next();
        let renamed = match fs::rename(&next, &self.0) {
            // Another process, started at the same moment, was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed,
        };
        renamed.and_then(|()| self.sync_folder()).map_err(|error| {
            StartError::new(
                format!(
                    "the database has the key of {}, which cannot take the place of {} ({error})",
                    next.display(),
                    self.0.display()
                ),
                "rename it by hand",
            )
        })
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn next(&self) -> PathBuf {
        self.beside("next")
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.0);
        name.push(".");
        name.push(suffix);
        PathBuf::from(name)
    }
}

impl Staged {
    /// Puts the new key in the old one's place, once the database has it. Says where the old one is kept.
    ///
    /// # Errors
    /// [`StartError`] where the file cannot be replaced; the next start tries again.
    pub fn install(self) -> Result<PathBuf, StartError> {
        self.file.install()?;
        Ok(self.retired)
    }

    /// Takes away again what was written. What stays behind opens nothing that the old key does not.
    fn abandon(self) {
        let _ = fs::remove_file(self.file.next());
        let _ = fs::remove_file(&self.retired);
    }
}

/// A key that an operator has written into a file.
///
/// # Errors
/// [`StartError`] where it cannot be read, is open to other accounts, or holds something else.
pub fn read_new_key(path: &Path) -> Result<Secret<[u8; 32]>, StartError> {
    super::read(path).map_err(|unread| unread.into_start_error(path))
}

fn read_key(path: &Path) -> Option<Secret<[u8; 32]>> {
    let text = Zeroizing::new(fs::read_to_string(path).ok()?);
    parse_key(&text).ok()
}

/// Whether something is mounted right there, as containers do with single files: it cannot be renamed over.
fn is_mount_point(path: &Path) -> bool {
    let (Ok(path), Ok(mounts)) = (fs::canonicalize(path), fs::read_to_string(MOUNTS)) else {
        return false;
    };
    // The fifth field is the mount point (proc_pid_mountinfo(5)).
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.into_iter().any(|point| Path::new(point) == path)
}
