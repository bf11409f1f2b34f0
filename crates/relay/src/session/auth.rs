//! AUTH (RFC 4954), by us: lettre hides what a server answers to a wrong password.
//!
//! Called only under TLS; the caller sees to it. No text made here leaves this module but on the wire.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{connection::Credentials, secret::ExposeSecret};

use super::{
    extensions::Offer,
    failure::{SessionFailure, judge},
    link::Link,
};

/// Says who we are, each step `within` its time.
pub(super) async fn authenticate(
    link: &mut Link,
    credentials: &Credentials,
    within: Duration,
) -> Result<(), SessionFailure> {
    if link.extensions.has(Offer::AuthPlain) {
        plain(link, credentials, within).await
    } else if link.extensions.has(Offer::AuthLogin) {
        login(link, credentials, within).await
    } else {
        Err(SessionFailure::AuthenticationNotOffered)
    }
}

/// RFC 4616, with the initial response, which saves a round trip.
async fn plain(link: &mut Link, credentials: &Credentials, within: Duration) -> Result<(), SessionFailure> {
    let password = credentials.password.expose_secret();
    let response = STANDARD.encode(format!("\0{}\0{password}", credentials.username));
    let verdict = link.exchange(&format!("AUTH PLAIN {response}\r\n"), within).await?;
    judge(&verdict, &[235])
}

/// Two questions, whose wording differs between servers and is not looked at.
async fn login(link: &mut Link, credentials: &Credentials, within: Duration) -> Result<(), SessionFailure> {
    let asked = link.exchange("AUTH LOGIN\r\n", within).await?;
    judge(&asked, &[334])?;
    let username = STANDARD.encode(&credentials.username);
    let asked = link.exchange(&format!("{username}\r\n"), within).await?;
    judge(&asked, &[334])?;
    let password = STANDARD.encode(credentials.password.expose_secret());
    let verdict = link.exchange(&format!("{password}\r\n"), within).await?;
    judge(&verdict, &[235])
}
