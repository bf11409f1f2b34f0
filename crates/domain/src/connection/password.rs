//! What becomes of a stored password when settings change: it goes only where it was given for.
//!
//! Otherwise whoever may write settings, but not read the password, could have it sent to a server of their own.

use super::{Credentials, Proof, SmtpServer};
use crate::{
    fault::{Fault, FaultCode},
    secret::SecretText,
};

/// What becomes of a stored password.
#[derive(Debug, Clone)]
pub enum PasswordChange {
    /// It stays.
    Keep,
    /// It goes.
    Remove,
    /// It is replaced.
    Set(SecretText),
}

impl PasswordChange {
    /// The server that takes the place of `before`, with the password that may go with it; what `server` says of one counts
    /// for nothing.
    ///
    /// # Errors
    /// [`FaultCode::PasswordRequired`] where a stored one would go elsewhere: to be asked for again.
    pub fn over(self, server: SmtpServer, before: Option<&SmtpServer>) -> Result<SmtpServer, Fault> {
        let password = match self {
            Self::Set(password) => Some(password),
            Self::Remove => None,
            Self::Keep => kept(&server, before)?,
        };
        let credentials = server.credentials.map(|credentials| Credentials {
            username: credentials.username,
            proof: Proof::Password(password.unwrap_or_default()),
        });
        Ok(SmtpServer { credentials, ..server })
    }
}

fn kept(server: &SmtpServer, before: Option<&SmtpServer>) -> Result<Option<SecretText>, Fault> {
    let Some((before, password)) = before.and_then(|before| Some((before, before.password()?))) else {
        return Ok(None);
    };
    if server.is_same_destination(before) {
        return Ok(Some(password.clone()));
    }
    Err(Fault::new(
        FaultCode::PasswordRequired,
        "The stored password belongs to another destination; give it again, or null to remove it.",
    ))
}

#[cfg(test)]
mod tests;
