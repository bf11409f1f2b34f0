//! The headers of a mail, kind by kind.
//!
//! Nothing here names the reader but To: what mailbox providers aggregate (Feedback-ID) carries a hash of the tenant only.

use std::fmt::Write;

use aws_lc_rs::digest;
use domain::{
    branding::Mailbox,
    ids::TenantId,
    message::kind::Kind,
    outbox::{Job, Path},
};
use lettre::message::header::{Date, HeaderName, HeaderValue, Headers, MIME_VERSION_1_0};

use super::{ComposeError, encode};
use crate::template::Rendered;

/// The last field of Feedback-ID, by which Gmail knows a sender; 5–15 characters.
const FEEDBACK_SENDER: &str = "letterhead";

/// Everything above the MIME parts, in the order in which it is written.
pub(super) fn of(job: &Job, rendered: &Rendered) -> Result<Headers, ComposeError> {
    let mut headers = Headers::new();
    put(&mut headers, "From", encode::mailbox("From", &job.from.from)?);
    if let Some(address) = &job.from.reply_to {
        let mailbox = Mailbox {
            address: address.clone(),
            name: None,
        };
        put(&mut headers, "Reply-To", encode::mailbox("Reply-To", &mailbox)?);
    }
    let reader = Mailbox {
        address: job.recipient.email.clone(),
        name: job.recipient.name.clone(),
    };
    put(&mut headers, "To", encode::mailbox("To", &reader)?);
    let subject = encode::unstructured("Subject", &rendered.subject)?;
    put(&mut headers, "Subject", subject);
    headers.set(Date::new(job.accepted_at.into()));
    let message_id = encode::message_id("Message-ID", &job.message_id_header)?;
    put(&mut headers, "Message-ID", message_id);
    thread(&mut headers, job)?;
    put(&mut headers, "Auto-Submitted", "auto-generated".to_owned());
    // Silences out-of-office notes and other automatic answers; bounces and delivery reports are still wanted.
    put(&mut headers, "X-Auto-Response-Suppress", "OOF, AutoReply".to_owned());
    put(&mut headers, "Feedback-ID", feedback_id(job));
    put(&mut headers, "Content-Language", rendered.language.tag().to_owned());
    headers.set(MIME_VERSION_1_0);
    Ok(headers)
}

/// How readers' programs sort the mail: codes never together, requests with the replies to them.
fn thread(headers: &mut Headers, job: &Job) -> Result<(), ComposeError> {
    match job.content.kind() {
        Kind::TwoFactorCode => put(headers, "X-Entity-Ref-ID", job.lease.delivery.to_string()),
        Kind::AccessRequest => {
            let domain = job.message_id_header.rsplit_once('@').map_or("", |(_, domain)| domain);
            let request = format!("access-request.{}@{domain}", job.message);
            put(headers, "References", encode::message_id("References", &request)?);
        }
        Kind::Notification | Kind::System => {}
    }
    Ok(())
}

/// Sets a header whose value is encoded and folded already.
fn put(headers: &mut Headers, name: &'static str, value: String) {
    let name = HeaderName::new_from_ascii_str(name);
    headers.insert_raw(HeaderValue::dangerous_new_pre_encoded(name, String::new(), value));
}

fn feedback_id(job: &Job) -> String {
    let way = match &job.path {
        Path::Shared(_) => "shared",
        Path::Own(_) => "own",
    };
    let kind = job.content.kind().as_str();
    format!("{kind}:{}:{way}:{FEEDBACK_SENDER}", pseudonym(job.lease.tenant))
}

/// 64 bits that stand for a tenant without naming it.
fn pseudonym(tenant: TenantId) -> String {
    let hash = digest::digest(&digest::SHA256, tenant.uuid().as_bytes());
    hash.as_ref().iter().take(8).fold(String::new(), |mut hex, octet| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}
