//! What is wrong with a piece of input: the parsers of this crate say it, the API puts a JSON pointer before it.
//!
//! A caller gets every fault of a body at once, so parsers return faults instead of stopping at the first.

use std::fmt;

/// The kind of a [`Fault`]: the `code` of an entry of a problem's `errors`. Clients branch on these; they are fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultCode {
    /// The field must be there.
    Required,
    /// The field is not known here.
    UnknownField,
    /// The value has the wrong type or form.
    Invalid,
    /// The number or instant is outside what is allowed.
    OutOfRange,
    /// The text or list is longer than allowed.
    TooLong,
    /// Only the provider may set this field.
    ProviderManaged,
    /// The From address's domain is not verified, and the provider requires that.
    SenderDomainUnverified,
    /// Credentials would travel in clear.
    CredentialsNeedTls,
    /// The stored password was bound to another destination; it must be given again.
    PasswordRequired,
    /// Another resource has this value already.
    Taken,
    /// The value falls below an item of the hardening report that the provider made mandatory.
    BelowMandatory,
}

impl FaultCode {
    /// The code as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::UnknownField => "unknown_field",
            Self::Invalid => "invalid",
            Self::OutOfRange => "out_of_range",
            Self::TooLong => "too_long",
            Self::ProviderManaged => "provider_managed",
            Self::SenderDomainUnverified => "sender_domain_unverified",
            Self::CredentialsNeedTls => "credentials_need_tls",
            Self::PasswordRequired => "password_required",
            Self::Taken => "taken",
            Self::BelowMandatory => "below_mandatory",
        }
    }
}

/// One fault of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the body, as a JSON pointer (RFC 6901); empty while the parser does not know it.
    pub pointer: String,
    /// What kind of fault.
    pub code: FaultCode,
    /// One sentence for people.
    pub detail: String,
}

impl Fault {
    /// A fault at a place to be named later with [`Fault::at`].
    #[must_use]
    pub fn new(code: FaultCode, detail: impl Into<String>) -> Self {
        Self {
            pointer: String::new(),
            code,
            detail: detail.into(),
        }
    }

    /// A fault of form: [`FaultCode::Invalid`].
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(FaultCode::Invalid, detail)
    }

    /// A fault of length: [`FaultCode::TooLong`].
    #[must_use]
    pub fn too_long(detail: impl Into<String>) -> Self {
        Self::new(FaultCode::TooLong, detail)
    }

    /// The same fault, below `prefix`.
    #[must_use]
    pub fn at(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Fault {}
