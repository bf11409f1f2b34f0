//! Access tokens: short-lived JWTs (RFC 9068's claims), signed with a key of the store that every node shares.
//!
//! One algorithm for each key, `kid` only from our own list; `jku`, `x5u` and `jwk` headers are never looked at. An unknown
//! `kid` makes the keys be read again, at most every few seconds, since another node may have rotated.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use aws_lc_rs::{
    digest::{SHA256, SHA256_OUTPUT_LEN, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    access::{Principal, Role},
    clock::Clock,
    ids::{IdSource, TenantId},
    secret::{ExposeSecret, Secret},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::{
    Store, StoreError,
    identity::{AuthenticatedClient, SigningKey},
};

use crate::{
    Api,
    problem::{Code, Problem},
};

/// The `aud` of every token.
pub const AUDIENCE: &str = "letterhead";
/// Seconds that clocks may differ.
const LEEWAY: u64 = 30;
/// How long after one reading of the keys an unknown `kid` may cause the next.
const REREAD_AFTER: Duration = Duration::from_secs(5);
const ES256: &str = "ES256";
/// Tokens whose signatures are remembered; of more, those that are used least are verified again.
const REMEMBERED: usize = 10_000;

/// Issues and verifies access tokens.
#[derive(Clone)]
pub struct Tokens {
    keys: Arc<RwLock<Keys>>,
    /// What verified tokens say, by their digest: a signature costs more than all else of a submission.
    verified: Arc<Cache<Digest, Arc<Verified>>>,
    issuer: String,
    lifetime: Duration,
}

struct Keys {
    known: Vec<Key>,
    read_at: Instant,
}

#[derive(Clone)]
struct Key {
    kid: String,
    signing: Option<EncodingKey>,
    verifying: DecodingKey,
    point: Vec<u8>,
}

type Digest = [u8; SHA256_OUTPUT_LEN];

/// A token with a good signature; whether it counts now is asked at each use.
struct Verified {
    principal: Principal,
    issued_at: i64,
    expires_at: i64,
}

impl Verified {
    const fn counts_at(&self, now: i64) -> bool {
        self.expires_at.saturating_add_unsigned(LEEWAY) >= now && self.issued_at.saturating_sub_unsigned(LEEWAY) <= now
    }
}

/// A token as the token endpoint answers it.
pub(crate) struct IssuedToken {
    pub(crate) token: String,
    pub(crate) expires_in: u64,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    roles: Vec<String>,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Tokens {
    /// Reads the signing keys, making the first one in an empty store.
    ///
    /// # Errors
    /// [`StoreError`] where the store or a key cannot be read.
    pub async fn load(
        store: &Store,
        ids: &dyn IdSource,
        issuer: String,
        lifetime: Duration,
    ) -> Result<Self, StoreError> {
        if store.signing_keys().await?.iter().all(|key| key.retired_at.is_some()) {
            store.ensure_signing_key(generate(ids)?).await?;
        }
        Ok(Self {
            keys: Arc::new(RwLock::new(read_keys(store).await?)),
            verified: Arc::new(Cache::new(REMEMBERED)),
            issuer,
            lifetime,
        })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A token for a client that has shown its secret, or for one the process itself vouches for.
    ///
    /// # Errors
    /// [`Code::Internal`] where no key can sign.
    pub fn issue(&self, client: &AuthenticatedClient, clock: &Clock, ids: &dyn IdSource) -> Result<String, Problem> {
        self.issue_for(client, clock, ids).map(|issued| issued.token)
    }

    pub(crate) fn issue_for(
        &self,
        client: &AuthenticatedClient,
        clock: &Clock,
        ids: &dyn IdSource,
    ) -> Result<IssuedToken, Problem> {
        let now = clock.now().timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: client.client_id.clone(),
            tenant: client.tenant.map(|tenant| tenant.to_string()),
            roles: client.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            iat: now,
            exp: now.saturating_add_unsigned(self.lifetime.as_secs()),
            jti: ids.next().to_string(),
        };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (kid, key) = keys
            .known
            .iter()
            .find_map(|key| key.signing.as_ref().map(|signing| (key.kid.clone(), signing)))
            .ok_or_else(|| Problem::plain(Code::Internal))?;
        let header = Header {
            kid: Some(kid),
            typ: Some("at+jwt".to_owned()),
            ..Header::new(Algorithm::ES256)
        };
        let token = jsonwebtoken::encode(&header, &claims, key).map_err(|_| Problem::plain(Code::Internal))?;
        Ok(IssuedToken {
            token,
            expires_in: self.lifetime.as_secs(),
        })
    }

    /// Who holds this token.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] for every token that does not count, without saying why.
    pub async fn verify(&self, api: &Api, token: &str) -> Result<Principal, Problem> {
        let key = digest_of(token);
        let verified = if let Some(verified) = self.verified.get(&key) {
            verified
        } else {
            let verified = Arc::new(self.check_signature(api, token).await?);
            self.verified.insert(key, Arc::clone(&verified));
            verified
        };
        if verified.counts_at(api.clock.now().timestamp()) {
            Ok(verified.principal.clone())
        } else {
            Err(Problem::plain(Code::Unauthenticated))
        }
    }

    async fn check_signature(&self, api: &Api, token: &str) -> Result<Verified, Problem> {
        let refused = || Problem::plain(Code::Unauthenticated);
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        let kid = header
            .kid
            .filter(|_| header.alg == Algorithm::ES256)
            .ok_or_else(refused)?;
        let key = match self.key(&kid) {
            Some(key) => key,
            None => self.reread(&api.store, &kid).await?.ok_or_else(refused)?,
        };
        let mut rules = Validation::new(Algorithm::ES256);
        rules.leeway = LEEWAY;
        // The process's clock decides, not the library's.
        rules.validate_exp = false;
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &rules)
            .map_err(|_| refused())?
            .claims;
        Ok(Verified {
            principal: principal(&claims).ok_or_else(refused)?,
            issued_at: claims.iat,
            expires_at: claims.exp,
        })
    }

    /// The public keys, retired ones included while their tokens may be good (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys: Vec<Value> = keys.known.iter().filter_map(Key::jwk).collect();
        json!({ "keys": keys })
    }

    fn key(&self, kid: &str) -> Option<DecodingKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.known
            .iter()
            .find(|key| key.kid == kid)
            .map(|key| key.verifying.clone())
    }

    async fn reread(&self, store: &Store, kid: &str) -> Result<Option<DecodingKey>, Problem> {
        let due = self
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .read_at
            .elapsed()
            >= REREAD_AFTER;
        if !due {
            return Ok(None);
        }
        let fresh = read_keys(store).await?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        // Some may have been signed by a key that is gone.
        self.verified.clear();
        Ok(self.key(kid))
    }
}

impl Key {
    fn jwk(&self) -> Option<Value> {
        // An uncompressed point (SEC 1 §2.3.3): 4, then x and y of 32 octets each.
        let (x, y) = self.point.get(1..65)?.split_at(32);
        Some(json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": ES256, "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }))
    }
}

async fn read_keys(store: &Store) -> Result<Keys, StoreError> {
    let stored = store.signing_keys().await?;
    let known = stored.into_iter().filter(|key| key.algorithm == ES256).map(|key| Key {
        signing: key
            .retired_at
            .is_none()
            .then(|| EncodingKey::from_ec_der(key.private_key.expose_secret())),
        verifying: DecodingKey::from_ec_der(&key.public_key),
        kid: key.kid,
        point: key.public_key,
    });
    Ok(Keys {
        known: known.collect(),
        read_at: Instant::now(),
    })
}

fn digest_of(token: &str) -> Digest {
    let digest = digest(&SHA256, token.as_bytes());
    let mut key = [0; SHA256_OUTPUT_LEN];
    key.copy_from_slice(digest.as_ref());
    key
}

/// A fresh P-256 key pair.
///
/// # Errors
/// [`StoreError::Corrupt`] where the system gives no randomness.
pub fn generate(ids: &dyn IdSource) -> Result<SigningKey, StoreError> {
    let failed = |_| StoreError::Corrupt("signing key");
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).map_err(failed)?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref())
        .map_err(|_| StoreError::Corrupt("signing key"))?;
    Ok(SigningKey {
        kid: ids.next().simple().to_string(),
        algorithm: ES256.to_owned(),
        public_key: pair.public_key().as_ref().to_vec(),
        private_key: Secret::new(Box::new(document.as_ref().to_vec())),
        retired_at: None,
    })
}

fn principal(claims: &Claims) -> Option<Principal> {
    let roles: Option<Vec<Role>> = claims.roles.iter().map(|role| role.parse().ok()).collect();
    let tenant: Option<TenantId> = claims.tenant.as_deref().map(str::parse).transpose().ok()?;
    Some(Principal::new(claims.sub.clone(), roles?, tenant))
}
