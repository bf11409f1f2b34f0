//! The SMTP envelope (RFC 5321 §2.3.1): what is said to the next server, as apart from what the headers say.

use crate::address::EmailAddress;

/// Reverse-path and forward-path of one transaction: one delivery is one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Where bounces go.
    pub reverse_path: EmailAddress,
    /// Whose copy this is.
    pub forward_path: EmailAddress,
}

impl Envelope {
    /// Whether the next server must offer SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        self.reverse_path.needs_smtputf8() || self.forward_path.needs_smtputf8()
    }
}
