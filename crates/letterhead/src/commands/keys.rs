//! `letterhead keys`: what becomes of the key that wraps all others.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use domain::{access::ProviderScope, ids::TimeOrderedIds, secret::Secret};
use storage::Store;

use super::CommandError;
use crate::{
    config::Config,
    master_key::{self, KeyFile, Staged},
    server::{self, Alone},
    start_error::StartError,
    terminal::Terminal,
};

/// Manages the master key
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Wrap every tenant's data key with a new master key
    ///
    /// A key that letterhead reads from a file (`master.key` in the data folder, or the file that
    /// `LETTERHEAD_MASTER_KEY_FILE` names) is replaced by a new one; the old one stays beside it as
    /// `<file>.retired-<time>`, because backups made before open with nothing else. A crash at any moment loses nothing: the
    /// next start finds the right key.
    ///
    /// With SQLite, stop `serve` first. With PostgreSQL processes may go on: they read the file again when they need it. Give
    /// the new file to other machines at once, and restart processes that were given the key itself.
    ///
    /// What was sealed stays sealed with the same data keys. Whoever had the old key and a copy of the database can read that
    /// copy for ever.
    Rotate {
        /// Take the new key from this file (32 bytes in base64, mode 0600) instead of making one; where the key in use was
        /// configured, this file is then to be configured in its place
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
    },
}

pub(super) fn run(options: &Options, config: &Config, terminal: &mut Terminal) -> Result<(), CommandError> {
    let Action::Rotate { new_key_file } = &options.action;
    let new = match new_key_file {
        Some(path) => master_key::read_new_key(path)?,
        None => master_key::generate()?,
    };
    let rotation = Rotation::plan(config, new_key_file.as_ref())?;
    let told = server::runtime()?.block_on(rotation.run(config, &new))?;
    Ok(terminal.print(&told)?)
}

/// Where the new key will be found.
enum Rotation {
    /// In the file that letterhead reads, which is replaced.
    Replace(KeyFile),
    /// Where the operator has put it.
    Configure(PathBuf),
}

impl Rotation {
    fn plan(config: &Config, given: Option<&PathBuf>) -> Result<Self, StartError> {
        let configured = config.master_key.is_some();
        match (KeyFile::of(config), given) {
            (_, Some(path)) if configured => Ok(Self::Configure(path.clone())),
            (Some(file), _) => Ok(Self::Replace(file)),
            (None, _) => Err(StartError::new(
                "the master key was given as a value, which letterhead cannot replace",
                "write a new one into a file (`openssl rand -base64 32`, mode 0600) and name it with --new-key-file",
            )),
        }
    }

    async fn run(self, config: &Config, new: &Secret<[u8; 32]>) -> Result<String, StartError> {
        let Alone { store, hold: _hold } = server::open_alone(config, Arc::new(TimeOrderedIds)).await?;
        if store.has_master_key(new) {
            return Err(StartError::new(
                "the database has this master key already",
                "give another one, or none to have one made",
            ));
        }
        match self {
            Self::Replace(file) => replace(config, &store, new, file.stage(new)?, file).await,
            Self::Configure(path) => {
                let count = rewrap(config, &store, new).await?;
                Ok(format!(
                    "{count} data keys are wrapped with the new master key\nset LETTERHEAD_MASTER_KEY_FILE to {} before the \
                     next start; keep the old key for backups made before\n",
                    path.display()
                ))
            }
        }
    }
}

async fn replace(
    config: &Config,
    store: &Store,
    new: &Secret<[u8; 32]>,
    staged: Staged,
    file: KeyFile,
) -> Result<String, StartError> {
    // Where this fails, the commit may have been done all the same: the new key has to stay.
    let count = rewrap(config, store, new).await?;
    let retired = staged.install()?;
    Ok(format!(
        "{count} data keys are wrapped with the new master key in {}\nthe old one is in {}: keep it, apart from the database, \
         for backups made before\n",
        file.path().display(),
        retired.display()
    ))
}

async fn rewrap(config: &Config, store: &Store, new: &Secret<[u8; 32]>) -> Result<usize, StartError> {
    let scope = ProviderScope::of_the_process("keys rotate");
    let rotated = store.provider(&scope).rotate_master_key(new).await;
    rotated.map_err(|error| server::store_failed(config, &error))
}
