//! Sealing: what a thief of the database must not read.
//!
//! Every tenant, and the provider, has a data key; the master key wraps it. A sealed value is bound to its place (tenant,
//! table, column, row and key version are associated data), so that moving it to another row fails like changing it.
//! AES-256-GCM-SIV (RFC 8452): random nonces stay safe over more messages than one key of plain GCM allows.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac, rand,
};
use domain::{ids::TenantId, secret::Secret};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, QueryOrder};
use uuid::Uuid;
use zeroize::Zeroizing;

use self::master::Master;
pub(crate) use self::rotate::try_keys;
use crate::{Store, entity::sealing_key, error::StoreError};

mod master;
mod rotate;

/// Octets of the key version before a sealed value.
const VERSION_LEN: usize = 4;
/// Octets of a key.
const KEY_LEN: usize = 32;

/// Whose key: a tenant's, or the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Tenant(TenantId),
    Provider,
}

impl Owner {
    /// The owner as tables hold it: the provider is the nil UUID.
    pub(crate) const fn uuid(self) -> Uuid {
        match self {
            Self::Tenant(tenant) => tenant.uuid(),
            Self::Provider => Uuid::nil(),
        }
    }
}

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) owner: Owner,
    /// `table.column`.
    pub(crate) column: &'static str,
    pub(crate) row: &'a [u8],
}

/// The keys this process has opened.
pub(crate) struct Keyring {
    master: Master,
    opened: RwLock<HashMap<(Owner, u32), DataKey>>,
    current: RwLock<HashMap<Owner, u32>>,
}

#[derive(Clone)]
struct DataKey {
    seal: std::sync::Arc<LessSafeKey>,
    hash: hmac::Key,
}

impl Keyring {
    pub(crate) fn new(master_key: &Secret<[u8; KEY_LEN]>) -> Result<Self, StoreError> {
        Ok(Self {
            master: Master::new(master_key)?,
            opened: RwLock::default(),
            current: RwLock::default(),
        })
    }

    /// Seals with the owner's current key, which must be open.
    pub(crate) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let version = self
            .current_version(place.owner)
            .ok_or(StoreError::Tampered(place.column))?;
        let key = self
            .opened_key(place.owner, version)
            .ok_or(StoreError::Tampered(place.column))?;
        let mut sealed = version.to_be_bytes().to_vec();
        sealed.extend(seal_with(
            &key.seal,
            &associated_data(place, version),
            plain,
            place.column,
        )?);
        Ok(sealed)
    }

    fn open_with(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let tampered = StoreError::Tampered(place.column);
        let Some((version, rest)) = sealed.split_first_chunk::<VERSION_LEN>() else {
            return Err(tampered);
        };
        let version = u32::from_be_bytes(*version);
        let key = self.opened_key(place.owner, version).ok_or(tampered)?;
        open_with(&key.seal, &associated_data(place, version), rest, place.column)
    }

    fn opened_key(&self, owner: Owner, version: u32) -> Option<DataKey> {
        self.opened
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(owner, version))
            .cloned()
    }

    fn current_version(&self, owner: Owner) -> Option<u32> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&owner)
            .copied()
    }

    fn remember(&self, owner: Owner, version: u32, key: &[u8]) -> Result<(), StoreError> {
        let data_key = DataKey {
            seal: std::sync::Arc::new(aead_key(key)?),
            hash: hmac::Key::new(
                hmac::HMAC_SHA256,
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"letterhead/hash").as_ref(),
            ),
        };
        self.opened
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((owner, version), data_key);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let newest = current.entry(owner).or_default();
        *newest = version.max(*newest);
        Ok(())
    }
}

impl Store {
    /// Opens the owner's keys, from memory or from the database.
    pub(crate) async fn open_keys<C: ConnectionTrait>(&self, connection: &C, owner: Owner) -> Result<(), StoreError> {
        if self.keyring().current_version(owner).is_some() {
            return Ok(());
        }
        let rows = rotate::keys_of(owner)
            .order_by_asc(sealing_key::Column::Version)
            .all(connection)
            .await?;
        for row in rows {
            let version = u32::try_from(row.version).map_err(|_| StoreError::Corrupt("key version"))?;
            let (_, key) = self.keyring().master.unwrap(owner, version, &row.wrapped)?;
            self.keyring().remember(owner, version, &key)?;
        }
        match self.keyring().current_version(owner) {
            Some(_) => Ok(()),
            None => Err(StoreError::NotFound("data key")),
        }
    }

    /// Makes the owner's first key.
    pub(crate) async fn create_key<C: ConnectionTrait>(&self, connection: &C, owner: Owner) -> Result<(), StoreError> {
        let mut key = Zeroizing::new([0_u8; KEY_LEN]);
        rand::fill(key.as_mut_slice()).map_err(|_| StoreError::Tampered("sealing_keys"))?;
        let version = 1_u32;
        let master = self.master_key_in_force(connection).await?;
        let wrapped = master.wrap(owner, version, key.as_slice())?;
        let row = sealing_key::ActiveModel {
            tenant_id: Set(owner.uuid()),
            version: Set(i64::from(version)),
            wrapped: Set(wrapped),
            created_at: Set(self.now_ms()),
        };
        row.insert(connection).await?;
        self.keyring().remember(owner, version, key.as_slice())
    }

    /// Opens the provider's key, or makes it in an empty database.
    pub(crate) async fn open_provider_key(&self) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        self.lock_schema(&transaction).await?;
        match self.open_keys(&transaction, Owner::Provider).await {
            Ok(()) => Ok(transaction.rollback().await?),
            Err(StoreError::NotFound(_)) => {
                self.create_key(&transaction, Owner::Provider).await?;
                Ok(transaction.commit().await?)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a sealed value.
    pub(crate) fn unseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.keyring().open_with(place, sealed)
    }

    /// A keyed hash for values that are only ever compared: client secrets, idempotency keys and bodies.
    ///
    /// Keyed by the provider's first data key, so that a stolen database gives nothing to guess against, and so that a new
    /// master key changes no hash.
    pub(crate) fn keyed_hash(&self, purpose: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let key = self
            .keyring()
            .opened_key(Owner::Provider, 1)
            .ok_or(StoreError::WrongMasterKey)?;
        let mut context = hmac::Context::with_key(&key.hash);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(value);
        Ok(context.sign().as_ref().to_vec())
    }
}

fn aead_key(key: &[u8]) -> Result<LessSafeKey, StoreError> {
    UnboundKey::new(&AES_256_GCM_SIV, key)
        .map(LessSafeKey::new)
        .map_err(|_| StoreError::WrongMasterKey)
}

fn associated_data(place: Place<'_>, version: u32) -> Vec<u8> {
    let mut data = Vec::with_capacity(96);
    for part in [
        place.owner.uuid().as_bytes().as_slice(),
        place.column.as_bytes(),
        place.row,
        &version.to_be_bytes(),
    ] {
        // Lengths before the parts, so that no two places have the same data.
        data.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        data.extend(part);
    }
    data
}

fn wrapping_data(owner: Owner, version: u32) -> Vec<u8> {
    associated_data(
        Place {
            owner,
            column: "sealing_keys.wrapped",
            row: b"",
        },
        version,
    )
}

fn seal_with(key: &LessSafeKey, data: &[u8], plain: &[u8], what: &'static str) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0_u8; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| StoreError::Tampered(what))?;
    let mut body = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(data), &mut body)
        .map_err(|_| StoreError::Tampered(what))?;
    let mut sealed = nonce.to_vec();
    sealed.extend(body);
    Ok(sealed)
}

fn open_with(
    key: &LessSafeKey,
    data: &[u8],
    sealed: &[u8],
    what: &'static str,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let tampered = || StoreError::Tampered(what);
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(tampered)?;
    let mut plain = Zeroizing::new(body.to_vec());
    let opened = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(data), &mut plain)
        .map_err(|_| tampered())?
        .len();
    plain.truncate(opened);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        let keyring = Keyring::new(&Secret::new(Box::new([7; 32]))).unwrap();
        keyring.remember(tenant(1), 1, &[1; 32]).unwrap();
        keyring.remember(tenant(2), 1, &[1; 32]).unwrap();
        keyring
    }

    fn tenant(n: u128) -> Owner {
        Owner::Tenant(TenantId::new(Uuid::from_u128(n)))
    }

    fn place(owner: Owner, column: &'static str, row: &'static [u8]) -> Place<'static> {
        Place { owner, column, row }
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_own_place() {
        let keyring = keyring();
        let home = place(tenant(1), "message_bodies.sealed", b"row-1");
        let sealed = keyring.seal(home, b"secret").unwrap();
        assert_eq!(keyring.open_with(home, &sealed).unwrap().as_slice(), b"secret");
        for elsewhere in [
            place(tenant(2), "message_bodies.sealed", b"row-1"),
            place(tenant(1), "routes.password_sealed", b"row-1"),
            place(tenant(1), "message_bodies.sealed", b"row-2"),
        ] {
            assert!(keyring.open_with(elsewhere, &sealed).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_fails_closed() {
        let keyring = keyring();
        let home = place(tenant(1), "message_bodies.sealed", b"row-1");
        let sealed = keyring.seal(home, b"secret").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(keyring.open_with(home, &flipped).is_err(), "bit {bit}");
        }
        for cut in 0..sealed.len() {
            assert!(keyring.open_with(home, &sealed[..cut]).is_err());
        }
    }
}
