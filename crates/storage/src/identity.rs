//! Who may ask for a token, and what signs it.
//!
//! A tenant's client id says whose it is, so that one look-up by primary key finds it and no index spans tenants.

use std::fmt;

use aws_lc_rs::{constant_time, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    access::Role,
    clock::{Timestamp, from_millis},
    ids::TenantId,
    secret::{ExposeSecret, Secret, SecretText, secret_text},
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    Store,
    entity::{api_client, operator_client, signing_key},
    error::StoreError,
    provider::operator_clients,
    seal::{Owner, Place},
    tenant::parse_roles,
};

/// How long the old secret of a rotated client works, in milliseconds.
pub(crate) const OVERLAP_MS: i64 = 3_600_000;
/// The purpose under which client secrets are hashed.
pub(crate) const CLIENT_SECRET: &str = "client_secret";
/// What a client secret begins with, so that a scanner knows one.
const SECRET_PREFIX: &str = "lhs_";
const TENANT_PREFIX: &str = "lht_";
const OPERATOR_PREFIX: &str = "lho_";

/// A client id of our own making.
pub(crate) struct ClientIdText(String);

impl ClientIdText {
    pub(crate) fn of_tenant(tenant: Uuid, client: Uuid) -> Self {
        let bytes = [tenant.into_bytes(), client.into_bytes()].concat();
        Self(format!("{TENANT_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(crate) fn of_operator(client: Uuid) -> Self {
        Self(format!("{OPERATOR_PREFIX}{}", URL_SAFE_NO_PAD.encode(client)))
    }

    /// The tenant and the client of a tenant's client id.
    fn parse(text: &str) -> Option<(Uuid, Uuid)> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(TENANT_PREFIX)?).ok()?;
        let (tenant, client) = bytes.split_at_checked(16)?;
        Some((Uuid::from_slice(tenant).ok()?, Uuid::from_slice(client).ok()?))
    }
}

impl fmt::Display for ClientIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fresh secret of 256 bits, and what is kept of it.
pub(crate) struct MintedSecret {
    pub(crate) text: SecretText,
    pub(crate) hash: Vec<u8>,
}

impl MintedSecret {
    pub(crate) fn mint(store: &Store) -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| StoreError::Tampered("random numbers"))?;
        let text = format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        let hash = store.keyed_hash(CLIENT_SECRET, text.as_bytes())?;
        Ok(Self {
            text: secret_text(text),
            hash,
        })
    }
}

/// A client that has shown its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatedClient {
    /// Its client id: the token's subject.
    pub client_id: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Whose it is; none is the provider's.
    pub tenant: Option<TenantId>,
}

/// A key pair that signs or has signed tokens.
pub struct SigningKey {
    /// Its id, in the header of each token.
    pub kid: String,
    /// The JWS algorithm.
    pub algorithm: String,
    /// The public key, in the algorithm's own form.
    pub public_key: Vec<u8>,
    /// The private key, PKCS#8.
    pub private_key: Secret<Vec<u8>>,
    /// Since when it is not used any more, though tokens of it may still be good.
    pub retired_at: Option<Timestamp>,
}

/// What a stored client secret is compared with.
struct Stored<'a> {
    current: &'a [u8],
    previous: Option<(&'a [u8], i64)>,
}

impl Store {
    /// The client of this id, if the secret is its.
    ///
    /// An unknown client costs the same work as a wrong secret.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn authenticate(
        &self,
        client_id: &str,
        secret: &SecretText,
    ) -> Result<Option<AuthenticatedClient>, StoreError> {
        let shown = self.keyed_hash(CLIENT_SECRET, secret.expose_secret().as_bytes())?;
        match ClientIdText::parse(client_id) {
            Some((tenant, client)) => self.authenticate_tenant(tenant, client, &shown).await,
            // PostgreSQL takes no NUL, and no client has one.
            None => {
                self.authenticate_operator(&client_id.replace('\0', "\u{FFFD}"), &shown)
                    .await
            }
        }
    }

    async fn authenticate_tenant(
        &self,
        tenant: Uuid,
        client: Uuid,
        shown: &[u8],
    ) -> Result<Option<AuthenticatedClient>, StoreError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "before there is a principal there is no scope; both key columns are given"
        )]
        let row = api_client::Entity::find_by_id((tenant, client))
            .one(self.read())
            .await?;
        let stored = row.as_ref().map(|row| Stored {
            current: &row.secret_hash,
            previous: row.previous_secret_hash.as_deref().zip(row.previous_until),
        });
        let known = self.matches(shown, stored);
        let Some(row) = row.filter(|_| known) else {
            return Ok(None);
        };
        Ok(Some(AuthenticatedClient {
            client_id: ClientIdText::of_tenant(row.tenant_id, row.id).to_string(),
            roles: parse_roles(&row.roles)?,
            tenant: Some(TenantId::new(row.tenant_id)),
        }))
    }

    async fn authenticate_operator(
        &self,
        client_id: &str,
        shown: &[u8],
    ) -> Result<Option<AuthenticatedClient>, StoreError> {
        let row = operator_clients::find_all()
            .filter(operator_client::Column::ClientId.eq(client_id))
            .one(self.read())
            .await?;
        let stored = row.as_ref().map(|row| Stored {
            current: &row.secret_hash,
            previous: row.previous_secret_hash.as_deref().zip(row.previous_until),
        });
        let known = self.matches(shown, stored);
        Ok(row.filter(|_| known).map(|row| AuthenticatedClient {
            client_id: row.client_id,
            roles: vec![Role::Operator],
            tenant: None,
        }))
    }

    /// Whether the secret is this one; for a client that does not exist, the same work and no.
    fn matches(&self, shown: &[u8], stored: Option<Stored<'_>>) -> bool {
        let exists = stored.is_some();
        let stored = stored.unwrap_or(Stored {
            current: &[0; 32],
            previous: None,
        });
        let current = constant_time::verify_slices_are_equal(shown, stored.current).is_ok();
        let previous = stored.previous.is_some_and(|(hash, until)| {
            until > self.now_ms() && constant_time::verify_slices_are_equal(shown, hash).is_ok()
        });
        exists && (current || previous)
    }

    /// Every signing key, newest first; the first that is not retired signs.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] where a private key does not open.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let rows = all_keys()
            .order_by_desc(signing_key::Column::CreatedAt)
            .all(self.read())
            .await?;
        rows.into_iter()
            .map(|row| {
                let private = self.unseal(private_key_place(row.kid.as_bytes()), &row.private_key_sealed)?;
                Ok(SigningKey {
                    kid: row.kid,
                    algorithm: row.algorithm,
                    public_key: row.public_key,
                    private_key: Secret::new(Box::new(private.to_vec())),
                    retired_at: row.retired_at.map(from_millis),
                })
            })
            .collect()
    }

    /// Stores the first signing key; keeps the one of another process that came first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ensure_signing_key(&self, key: SigningKey) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        self.lock_schema(&transaction).await?;
        let exists = all_keys()
            .filter(signing_key::Column::RetiredAt.is_null())
            .count(&transaction)
            .await?
            > 0;
        if exists {
            return Ok(transaction.rollback().await?);
        }
        self.insert_signing_key(&transaction, key).await?;
        Ok(transaction.commit().await?)
    }

    /// Retires the keys in use and signs with this one from now on; tokens of the old ones stay good to their end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn rotate_signing_key(&self, key: SigningKey) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        #[expect(clippy::disallowed_methods, reason = "signing keys are the provider's rows")]
        let retire = signing_key::Entity::update_many();
        retire
            .col_expr(signing_key::Column::RetiredAt, Expr::value(self.now_ms()))
            .filter(signing_key::Column::RetiredAt.is_null())
            .exec(&transaction)
            .await?;
        self.insert_signing_key(&transaction, key).await?;
        Ok(transaction.commit().await?)
    }

    async fn insert_signing_key(
        &self,
        transaction: &sea_orm::DatabaseTransaction,
        key: SigningKey,
    ) -> Result<(), StoreError> {
        let sealed = self
            .keyring()
            .seal(private_key_place(key.kid.as_bytes()), key.private_key.expose_secret())?;
        let row = signing_key::ActiveModel {
            kid: Set(key.kid),
            algorithm: Set(key.algorithm),
            public_key: Set(key.public_key),
            private_key_sealed: Set(sealed),
            created_at: Set(self.now_ms()),
            retired_at: Set(None),
        };
        row.insert(transaction).await?;
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "signing keys are the provider's rows")]
fn all_keys() -> sea_orm::Select<signing_key::Entity> {
    signing_key::Entity::find()
}

const fn private_key_place(kid: &[u8]) -> Place<'_> {
    Place {
        owner: Owner::Provider,
        column: "signing_keys.private_key_sealed",
        row: kid,
    }
}
