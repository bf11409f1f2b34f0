//! The master key in this process: the present one, and where to look when the database has been given another.
//!
//! A process that runs while the master key is rotated needs it again for the first data key it has not opened yet. It then
//! reads its key's file anew instead of failing until somebody starts it again.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use aws_lc_rs::{aead::LessSafeKey, constant_time, hmac};
use domain::secret::{ExposeSecret, Secret};
use zeroize::Zeroizing;

use super::{KEY_LEN, Owner, aead_key, open_with, seal_with, wrapping_data};
use crate::{Store, error::StoreError};

/// Reads the keys that may be the database's now, the likeliest first.
type Source = Box<dyn Fn() -> Vec<Secret<[u8; KEY_LEN]>> + Send + Sync>;

/// The present master key, and where others may be found.
pub(crate) struct Master {
    present: RwLock<Arc<MasterKey>>,
    source: OnceLock<Source>,
}

/// One master key; it wraps data keys and nothing else.
pub(super) struct MasterKey {
    seal: LessSafeKey,
    fingerprint: hmac::Tag,
}

impl MasterKey {
    pub(super) fn new(key: &Secret<[u8; KEY_LEN]>) -> Result<Self, StoreError> {
        Ok(Self {
            seal: aead_key(key.expose_secret())?,
            fingerprint: fingerprint(key),
        })
    }

    pub(super) fn wrap(&self, owner: Owner, version: u32, key: &[u8]) -> Result<Vec<u8>, StoreError> {
        seal_with(&self.seal, &wrapping_data(owner, version), key, "sealing_keys")
    }

    pub(super) fn unwrap(&self, owner: Owner, version: u32, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        open_with(&self.seal, &wrapping_data(owner, version), wrapped, "sealing_keys")
            .map_err(|_| StoreError::WrongMasterKey)
    }
}

impl Master {
    pub(super) fn new(key: &Secret<[u8; KEY_LEN]>) -> Result<Self, StoreError> {
        Ok(Self {
            present: RwLock::new(Arc::new(MasterKey::new(key)?)),
            source: OnceLock::new(),
        })
    }

    pub(super) fn present(&self) -> Arc<MasterKey> {
        Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, key: Arc<MasterKey>) {
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = key;
    }

    /// Unwraps a data key with the present master key; where that is not the database's any more, with the one that the
    /// source has now, which then is the present one.
    pub(super) fn unwrap(
        &self,
        owner: Owner,
        version: u32,
        wrapped: &[u8],
    ) -> Result<(Arc<MasterKey>, Zeroizing<Vec<u8>>), StoreError> {
        let present = self.present();
        if let Ok(key) = present.unwrap(owner, version, wrapped) {
            return Ok((present, key));
        }
        for candidate in self.source.get().map(|source| source()).unwrap_or_default() {
            let candidate = Arc::new(MasterKey::new(&candidate)?);
            if let Ok(key) = candidate.unwrap(owner, version, wrapped) {
                self.replace(Arc::clone(&candidate));
                return Ok((candidate, key));
            }
        }
        Err(StoreError::WrongMasterKey)
    }
}

impl Store {
    /// Says where this process finds the master key after a rotation. The first one that is said stays.
    pub fn look_for_master_keys(&self, source: impl Fn() -> Vec<Secret<[u8; 32]>> + Send + Sync + 'static) {
        let _ = self.keyring().master.source.set(Box::new(source));
    }

    /// Whether this is the key that the store found to be the database's.
    #[must_use]
    pub fn has_master_key(&self, key: &Secret<[u8; 32]>) -> bool {
        let present = self.keyring().master.present();
        constant_time::verify_slices_are_equal(present.fingerprint.as_ref(), fingerprint(key).as_ref()).is_ok()
    }
}

fn fingerprint(key: &Secret<[u8; KEY_LEN]>) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret());
    hmac::sign(&key, b"letterhead/master-key")
}
