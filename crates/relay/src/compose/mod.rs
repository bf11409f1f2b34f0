//! From a job to the octets that go over the wire: texts, headers, envelope.
//!
//! `lettre` makes the MIME parts; headers are written here, since its builder reads names back out of what it wrote and
//! refuses some that are sound. The result is checked octet by octet: whatever the parts did, nothing leaves that servers
//! could read in two ways.

use std::fmt;

use domain::{
    address::EmailAddress,
    branding::Provider,
    fault::Fault,
    message::envelope::Envelope,
    outbox::{Job, Path},
};
use lettre::message::{
    Body, MultiPart, MultiPartKind, SinglePart,
    header::{ContentTransferEncoding, ContentType},
};

use crate::{
    template::{Rendered, TemplateError, Templates},
    wire_form::{self, WireFault},
};

mod encode;
mod headers;
mod line_ends;

/// Makes mails; one for the whole process.
#[derive(Debug)]
pub struct Composer {
    provider: Provider,
    bounces: EmailAddress,
    templates: Templates,
}

/// A mail as it goes over the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct WireMessage {
    /// What is said to the next server.
    pub envelope: Envelope,
    /// Headers and body, lines ending in CRLF; not dot-stuffed.
    pub bytes: Vec<u8>,
}

impl WireMessage {
    /// Whether octets beyond ASCII are in it. Bodies are always encoded, so these can only be addresses in headers
    /// (RFC 6532).
    #[must_use]
    pub fn is_eight_bit(&self) -> bool {
        !self.bytes.is_ascii()
    }

    /// Whether the next server must offer SMTPUTF8 (RFC 6531), for the envelope or for an address in a header.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        self.envelope.needs_smtputf8() || self.is_eight_bit()
    }
}

impl fmt::Debug for WireMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WireMessage({:?}, {} octets)", self.envelope, self.bytes.len())
    }
}

/// Why a mail could not be made. None of these is mended by another attempt: the message is refused as content.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Its texts could not be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The provider's bounce address is not one; only at the start.
    #[error("the relay domain gives no bounce address: {0}")]
    BounceAddress(Fault),
    /// A header's value cannot be written.
    #[error("the header {0} cannot be written")]
    Header(&'static str),
    /// The finished mail must not be sent.
    #[error(transparent)]
    Wire(#[from] WireFault),
}

impl Composer {
    /// A composer for this provider's mail, its templates compiled.
    ///
    /// # Errors
    /// [`ComposeError`] where a template is broken or the relay domain too long for a bounce address: stop the start.
    pub fn new(provider: Provider) -> Result<Self, ComposeError> {
        let bounces =
            EmailAddress::of("bounces", provider.relay_domain.clone()).map_err(ComposeError::BounceAddress)?;
        Ok(Self {
            provider,
            bounces,
            templates: Templates::compile()?,
        })
    }

    /// The mail of one delivery; the same on every attempt.
    ///
    /// # Errors
    /// [`ComposeError`]; trying again gives the same.
    pub fn compose(&self, job: &Job) -> Result<WireMessage, ComposeError> {
        let rendered = self.templates.render(job, self.provider.name.as_str())?;
        let headers = headers::of(job, &rendered)?;
        let mut bytes = headers.to_string().into_bytes();
        bytes.extend(parts(job, &rendered)?.formatted());
        wire_form::check(&bytes)?;
        Ok(WireMessage {
            envelope: self.envelope(job),
            bytes,
        })
    }

    /// Bounces of the shared relay come to the provider, those of a tenant's own server to the tenant.
    fn envelope(&self, job: &Job) -> Envelope {
        Envelope {
            reverse_path: match &job.path {
                Path::Shared(_) => self.bounces.clone(),
                Path::Own(_) => job.from.from.address.clone(),
            },
            forward_path: job.recipient.email.clone(),
        }
    }
}

fn parts(job: &Job, rendered: &Rendered) -> Result<MultiPart, ComposeError> {
    // "=_" cannot occur in quoted-printable (RFC 2045 §6.7), so no text can end its part.
    let boundary = format!("=_{}", job.lease.delivery.uuid().simple());
    let alternative = MultiPart::builder().kind(MultiPartKind::Alternative).boundary(boundary);
    Ok(alternative
        .singlepart(part(ContentType::TEXT_PLAIN, &rendered.text)?)
        .singlepart(part(ContentType::TEXT_HTML, &rendered.html)?))
}

/// Always quoted-printable: no server on the way has a reason to change it.
fn part(content_type: ContentType, text: &str) -> Result<SinglePart, ComposeError> {
    let lines = line_ends::with_crlf(text);
    let body = Body::new_with_encoding(lines, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| ComposeError::Header("Content-Transfer-Encoding"))?;
    Ok(SinglePart::builder().header(content_type).body(body))
}
