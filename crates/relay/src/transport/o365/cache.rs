//! Tokens, kept until shortly before their end and asked for once at a time.
//!
//! The key is a keyed hash over the tenant and every field of its settings, the client secret included: any change of the
//! settings finds no token, and a dump of this table tells nobody a secret. While one asks, the others wait for the same
//! answer, a refusal too, so that a wrong secret is tried once and not once for each waiting mail.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use domain::{connection::O365, ids::TenantId, secret::ExposeSecret};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use tokio::time::Instant;

use super::{fault::Fault, token::Token};
use crate::pool::Fingerprint;

type Key = Fingerprint;
type Asking = BoxFuture<'static, Result<Arc<Token>, Fault>>;

/// The tokens of this process.
#[derive(Clone)]
pub(super) struct Cache {
    hash_key: Arc<hmac::Key>,
    slots: Arc<Mutex<HashMap<Key, Slot>>>,
}

enum Slot {
    Kept(Arc<Token>),
    /// Gone once nobody waits any more.
    Asked(WeakShared<Asking>),
}

impl Cache {
    pub(super) fn new() -> Self {
        let mut seed = [0; 32];
        // Without randomness the hash is as good as an unkeyed one, which is enough for a secret nobody can guess.
        let _ = SystemRandom::new().fill(&mut seed);
        Self {
            hash_key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &seed)),
            slots: Arc::default(),
        }
    }

    /// The token of a tenant's settings: the kept one, the one being asked for, or what `ask` brings.
    pub(super) async fn token<F>(
        &self,
        tenant: TenantId,
        via: &O365,
        ask: impl FnOnce() -> F,
    ) -> Result<Arc<Token>, Fault>
    where
        F: Future<Output = Result<Token, Fault>> + Send + 'static,
    {
        let key = self.key(tenant, via);
        let asking = {
            let mut slots = self.lock();
            match slots.get(&key) {
                Some(Slot::Kept(token)) if Instant::now() < token.good_until => return Ok(Arc::clone(token)),
                Some(Slot::Asked(asked)) if let Some(asking) = asked.upgrade() => asking,
                _ => self.begin(&mut slots, key, ask()),
            }
        };
        asking.await
    }

    /// Forgets a token that was not accepted, unless another one has taken its place.
    pub(super) fn forget(&self, tenant: TenantId, via: &O365, refused: &Arc<Token>) {
        let key = self.key(tenant, via);
        let mut slots = self.lock();
        if let Some(Slot::Kept(kept)) = slots.get(&key)
            && Arc::ptr_eq(kept, refused)
        {
            slots.remove(&key);
        }
    }

    fn begin(
        &self,
        slots: &mut HashMap<Key, Slot>,
        key: Key,
        ask: impl Future<Output = Result<Token, Fault>> + Send + 'static,
    ) -> Shared<Asking> {
        let cache = self.clone();
        let asking = async move {
            let answer = ask.await.map(Arc::new);
            cache.settle(key, answer.as_ref().ok());
            answer
        };
        let asking = asking.boxed().shared();
        slots.retain(|_, slot| slot.is_of_use());
        if let Some(weak) = asking.downgrade() {
            slots.insert(key, Slot::Asked(weak));
        }
        asking
    }

    fn settle(&self, key: Key, token: Option<&Arc<Token>>) {
        let mut slots = self.lock();
        match token {
            Some(token) => slots.insert(key, Slot::Kept(Arc::clone(token))),
            None => slots.remove(&key),
        };
    }

    pub(super) fn key(&self, tenant: TenantId, via: &O365) -> Key {
        let mut hash = hmac::Context::with_key(&self.hash_key);
        let directory = via.application.directory.to_string();
        let (tenant, secret) = (tenant.uuid(), via.secret.uuid());
        let fields: [&[u8]; 7] = [
            tenant.as_bytes(),
            secret.as_bytes(),
            via.application.client_id.as_bytes(),
            via.application.client_secret.expose_secret().as_bytes(),
            directory.as_bytes(),
            via.cloud.as_str().as_bytes(),
            if via.save_to_sent_items { b"copy" } else { b"no copy" },
        ];
        for field in fields {
            // The length before each, so that no two lists of fields are one text.
            hash.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(field);
        }
        let mut key = [0; 32];
        for (octet, hashed) in key.iter_mut().zip(hash.sign().as_ref()) {
            *octet = *hashed;
        }
        key
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn is_of_use(&self) -> bool {
        match self {
            Self::Kept(token) => Instant::now() < token.good_until,
            Self::Asked(asked) => asked.upgrade().is_some(),
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cache(…)")
    }
}

#[cfg(test)]
mod tests;
