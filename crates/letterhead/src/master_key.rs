//! The master key: from the configuration, or from a file of the data folder that is made at first start.
//!
//! Losing or changing it makes every sealed row unreadable. So the file appears whole or not at all, processes that start at
//! the same moment agree on one key, and nothing ever overwrites it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use aws_lc_rs::rand;
use base64::{Engine, prelude::BASE64_STANDARD};
use domain::secret::{ExposeSecret, Secret};
use zeroize::Zeroizing;

use crate::{
    config::{Config, parse_key},
    start_error::StartError,
};

pub use self::rotation::{KeyFile, Staged, read_new_key};

mod rotation;

/// The file's name in the data folder.
pub const FILE_NAME: &str = "master.key";

/// The key that wraps every tenant's data key.
///
/// # Errors
/// [`StartError`] where the file can be neither read nor made, is open to other accounts, or holds something else.
pub fn load_or_create_master_key(config: &Config) -> Result<Secret<[u8; 32]>, StartError> {
    if let Some(key) = &config.master_key {
        return Ok(Secret::init_with_mut(|copy: &mut [u8; 32]| {
            copy.copy_from_slice(key.expose_secret());
        }));
    }
    let path = config.data_dir.join(FILE_NAME);
    match read(&path) {
        Err(Unread::Missing) => {
            create(&config.data_dir, &path)?;
            // Read back even when just made: another process may have been first.
            read(&path).map_err(|unread| unread.into_start_error(&path))
        }
        Err(unread @ (Unread::Io(_) | Unread::Refused(_))) => Err(unread.into_start_error(&path)),
        Ok(key) => Ok(key),
    }
}

enum Unread {
    Missing,
    Io(io::Error),
    Refused(StartError),
}

impl Unread {
    fn into_start_error(self, path: &Path) -> StartError {
        match self {
            Self::Missing => StartError::key_file_unreadable(path, &io::ErrorKind::NotFound.into()),
            Self::Io(error) => StartError::key_file_unreadable(path, &error),
            Self::Refused(error) => error,
        }
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            Self::Missing
        } else {
            Self::Io(error)
        }
    }
}

fn read(path: &Path) -> Result<Secret<[u8; 32]>, Unread> {
    let file = File::open(path)?;
    // Asked of the open file, so that it cannot be exchanged between check and reading.
    let mode = file.metadata()?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Unread::Refused(StartError::new(
            format!(
                "other accounts can reach the master key {} (mode {mode:04o})",
                path.display()
            ),
            format!(
                "run `chmod 600 {}`, and think of the key as known to them",
                path.display()
            ),
        )));
    }
    let text = Zeroizing::new(io::read_to_string(file)?);
    parse_key(&text).map_err(|_| {
        Unread::Refused(StartError::new(
            format!("the file {} does not hold a key of 32 bytes in base64", path.display()),
            "restore it from a backup; a new key cannot read what the old one sealed",
        ))
    })
}

/// Makes the file under another name and links it into place: it is complete when it appears, and a file that is there
/// already stays.
fn create(folder: &Path, path: &Path) -> Result<(), StartError> {
    let made = make_folder(folder).and_then(|()| link_new_key(folder, path));
    made.map_err(|error| {
        StartError::new(
            format!("cannot create the master key {} ({error})", path.display()),
            "make the data folder writable for the account that runs letterhead, or set LETTERHEAD_MASTER_KEY",
        )
    })
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn link_new_key(folder: &Path, path: &Path) -> io::Result<()> {
    // Random and not the process's number: in containers that share a volume every process is number 1.
    let draft = folder.join(format!(".{FILE_NAME}.{:016x}", u64::from_ne_bytes(*random()?)));
    let linked = write_draft(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    });
    // A draft that cannot be removed holds a key that nobody uses.
    let _ = fs::remove_file(&draft);
    linked.and_then(|()| File::open(folder)?.sync_all())
}

fn write_draft(draft: &Path) -> io::Result<()> {
    let key = random::<32>()?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    write_key(&mut file, &key)
}

fn write_key(file: &mut File, key: &[u8; 32]) -> io::Result<()> {
    let line = Zeroizing::new(format!("{}\n", BASE64_STANDARD.encode(key)));
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

/// A new key.
///
/// # Errors
/// [`StartError`] where the machine gives no random bytes.
pub fn generate() -> Result<Secret<[u8; 32]>, StartError> {
    let bytes = random::<32>()
        .map_err(|error| StartError::new(format!("cannot make a key ({error})"), "report this as a fault"))?;
    Ok(Secret::init_with_mut(|key: &mut [u8; 32]| {
        key.copy_from_slice(bytes.as_slice());
    }))
}

fn random<const N: usize>() -> io::Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| io::Error::other("the machine gives no random bytes"))?;
    Ok(bytes)
}
