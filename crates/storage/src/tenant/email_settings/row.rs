//! Between a row and the settings it holds.
//!
//! A password is sealed for its tenant, its version and every field that decides where it is sent: changed behind the
//! store's back, it does not open, so that it goes nowhere it was not given for.

use domain::{
    branding::Branding,
    connection::{Cloud, Connection, Credentials, EmailSettings, O365, Proof, SmtpServer},
    ids::{TenantId, VaultSecretId},
    secret::{ExposeSecret, secret_text},
    tenant::Edition,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait};

use super::Unusable;
use crate::{
    Store,
    entity::email_settings::{ActiveModel, Model},
    error::StoreError,
    seal::{Owner, Place},
};

/// Where passwords are.
const SEALED: &str = "email_settings.password_sealed";

impl Store {
    /// The settings of a row. A connection whose application is not in the vault any more is none.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] where the password does not open.
    pub(super) async fn settings_of<C: ConnectionTrait>(
        &self,
        connection: &C,
        row: &Model,
    ) -> Result<EmailSettings, StoreError> {
        let edition: Edition = row.edition.parse().map_err(|_| StoreError::Corrupt("edition"))?;
        let branding = branding(row)?;
        Ok(match (edition, branding) {
            (Edition::Cloud, Some(branding)) => EmailSettings::Cloud { branding },
            (Edition::Cloud, None) => return Err(StoreError::Corrupt("branding")),
            (Edition::OnPremises, branding) => EmailSettings::OnPremises {
                branding,
                connection: self.connection_of(connection, row).await?,
            },
        })
    }

    async fn connection_of<C: ConnectionTrait>(
        &self,
        connection: &C,
        row: &Model,
    ) -> Result<Option<Connection>, StoreError> {
        match row.send_email_method.as_deref() {
            None => Ok(None),
            Some("smtp") => {
                let owner = Owner::Tenant(TenantId::new(row.tenant_id));
                self.open_keys(connection, owner).await?;
                Ok(Some(Connection::Smtp(self.server_of(owner, row)?)))
            }
            Some("o365") => Ok(self.o365_of(connection, row).await?.map(Connection::O365)),
            Some(_) => Err(StoreError::Corrupt("send method")),
        }
    }

    fn server_of(&self, owner: Owner, row: &Model) -> Result<SmtpServer, StoreError> {
        let mut server = server_without_password(row)?;
        let Some(sealed) = &row.password_sealed else {
            return Ok(server);
        };
        let plain = self.unseal(place(owner, &bound_to(row.version, &server)), sealed)?;
        let password = std::str::from_utf8(&plain).map_err(|_| StoreError::Tampered(SEALED))?;
        if let Some(credentials) = &mut server.credentials {
            credentials.proof = Proof::Password(secret_text(password));
        }
        Ok(server)
    }

    async fn o365_of<C: ConnectionTrait>(&self, connection: &C, row: &Model) -> Result<Option<O365>, StoreError> {
        let (secret, cloud) = (secret_of(row)?, cloud_of(row)?);
        let found = self
            .vault_application(connection, TenantId::new(row.tenant_id), secret)
            .await?;
        Ok(found.map(|(application, _)| O365 {
            secret,
            application,
            cloud,
            save_to_sent_items: row.save_to_sent_items == Some(1),
        }))
    }

    /// A row's columns of the connection; the owner's keys must be open.
    pub(super) fn write_connection(
        &self,
        row: &mut ActiveModel,
        (owner, version): (Owner, i64),
        connection: &Connection,
    ) -> Result<(), StoreError> {
        row.send_email_method = Set(Some(connection.method().to_owned()));
        match connection {
            Connection::Smtp(server) => {
                row.email_server = Set(Some(server.host.to_string()));
                row.port = Set(Some(i64::from(server.port)));
                row.security = Set(Some(server.security.as_str().to_owned()));
                row.username = Set(server.username().map(str::to_owned));
                row.ca_certificate_pem = Set(server.ca_certificate_pem.clone());
                if let Some(password) = server.password() {
                    let place_bound = bound_to(version, server);
                    let plain = password.expose_secret().as_bytes();
                    row.password_sealed = Set(Some(self.keyring().seal(place(owner, &place_bound), plain)?));
                }
            }
            Connection::O365(o365) => {
                row.application_secret_id = Set(Some(o365.secret.uuid()));
                row.cloud = Set(Some(o365.cloud.as_str().to_owned()));
                row.save_to_sent_items = Set(Some(i64::from(o365.save_to_sent_items)));
            }
        }
        Ok(())
    }
}

/// The settings of a row whose connection does not open.
pub(super) fn closed(row: &Model) -> Result<EmailSettings, StoreError> {
    Ok(EmailSettings::OnPremises {
        branding: branding(row)?,
        connection: None,
    })
}

/// What can be read of a row's connection without opening anything.
pub(super) fn unusable(row: &Model) -> Result<Option<Unusable>, StoreError> {
    match row.send_email_method.as_deref() {
        None => Ok(None),
        Some("smtp") => server_without_password(row).map(Unusable::Server).map(Some),
        Some("o365") => Ok(Some(Unusable::Mailbox {
            secret: secret_of(row)?,
            cloud: cloud_of(row)?,
            save_to_sent_items: row.save_to_sent_items == Some(1),
        })),
        Some(_) => Err(StoreError::Corrupt("send method")),
    }
}

fn server_without_password(row: &Model) -> Result<SmtpServer, StoreError> {
    let host = row.email_server.as_deref().map(str::parse);
    let security = row.security.as_deref().map(str::parse);
    let port = row.port.and_then(|port| u16::try_from(port).ok());
    let credentials = row.username.clone().map(|username| Credentials {
        username,
        proof: Proof::Password(secret_text("")),
    });
    Ok(SmtpServer {
        host: host.and_then(Result::ok).ok_or(StoreError::Corrupt("server name"))?,
        port: port.ok_or(StoreError::Corrupt("port"))?,
        security: security.and_then(Result::ok).ok_or(StoreError::Corrupt("security"))?,
        credentials,
        ca_certificate_pem: row.ca_certificate_pem.clone(),
    })
}

fn secret_of(row: &Model) -> Result<VaultSecretId, StoreError> {
    let secret = row.application_secret_id.ok_or(StoreError::Corrupt("secret"))?;
    Ok(VaultSecretId::new(secret))
}

fn cloud_of(row: &Model) -> Result<Cloud, StoreError> {
    let cloud = row.cloud.as_deref().map(str::parse);
    cloud.and_then(Result::ok).ok_or(StoreError::Corrupt("cloud"))
}

fn branding(row: &Model) -> Result<Option<Branding>, StoreError> {
    let Some(address) = &row.from_address else {
        return Ok(None);
    };
    let name = row.from_name.as_deref().map(str::parse).transpose();
    Ok(Some(Branding {
        from_address: address.parse().map_err(|_| StoreError::Corrupt("From address"))?,
        from_name: name.map_err(|_| StoreError::Corrupt("From name"))?,
    }))
}

const fn place(owner: Owner, row: &[u8]) -> Place<'_> {
    Place {
        owner,
        column: SEALED,
        row,
    }
}

/// What a password is sealed for beside its tenant.
fn bound_to(version: i64, server: &SmtpServer) -> Vec<u8> {
    let mut bound = version.to_be_bytes().to_vec();
    bound.extend(server.port.to_be_bytes());
    let host = server.host.to_string();
    let texts = [
        Some(host.as_str()),
        Some(server.security.as_str()),
        server.username(),
        server.ca_certificate_pem.as_deref(),
    ];
    for text in texts {
        add_part(&mut bound, text.map(str::as_bytes));
    }
    bound
}

/// Adds a part so that no two lists of parts look alike: whether it is there, its length, itself.
pub(super) fn add_part(to: &mut Vec<u8>, part: Option<&[u8]>) {
    let length = part.map_or(u64::MAX, |part| u64::try_from(part.len()).unwrap_or(u64::MAX - 1));
    to.extend(length.to_be_bytes());
    to.extend(part.unwrap_or_default());
}
