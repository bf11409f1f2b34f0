//! AUTH (RFC 4954), by us: lettre hides what a server answers to a wrong password.
//!
//! Called only under TLS; the caller sees to it. No text made here leaves this module but on the wire: an onlooker is shown
//! [`HIDDEN`] in its place.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    connection::{Credentials, Proof},
    secret::{ExposeSecret, SecretText},
};
use zeroize::Zeroizing;

use super::{
    extensions::Offer,
    failure::{SessionFailure, judge},
    link::Link,
};
use crate::stream::WireReply;

/// What an onlooker sees where a credential was.
const HIDDEN: &str = "[redacted]\r\n";

/// Says who we are, each step `within` its time. A password is never offered as a token, nor a token as a password.
pub(super) async fn authenticate(
    link: &mut Link,
    credentials: &Credentials,
    within: Duration,
) -> Result<(), SessionFailure> {
    let username = &credentials.username;
    match &credentials.proof {
        Proof::Password(password) if link.extensions.has(Offer::AuthPlain) => {
            plain(link, username, password, within).await
        }
        Proof::Password(password) if link.extensions.has(Offer::AuthLogin) => {
            login(link, username, password, within).await
        }
        Proof::AccessToken(token) if link.extensions.has(Offer::AuthXoauth2) => {
            xoauth2(link, username, token, within).await
        }
        Proof::Password(_) | Proof::AccessToken(_) => Err(SessionFailure::AuthenticationNotOffered),
    }
}

/// RFC 4616, with the initial response, which saves a round trip.
async fn plain(link: &mut Link, username: &str, password: &SecretText, within: Duration) -> Result<(), SessionFailure> {
    let response = base64(&["\0", username, "\0", password.expose_secret()]);
    let verdict = say(link, &["AUTH PLAIN ", &response], within).await?;
    judge(&verdict, &[235])
}

/// Two questions, whose wording differs between servers and is not looked at.
async fn login(link: &mut Link, username: &str, password: &SecretText, within: Duration) -> Result<(), SessionFailure> {
    let asked = say(link, &["AUTH LOGIN"], within).await?;
    judge(&asked, &[334])?;
    let asked = say(link, &[&base64(&[username])], within).await?;
    judge(&asked, &[334])?;
    let verdict = say(link, &[&base64(&[password.expose_secret()])], within).await?;
    judge(&verdict, &[235])
}

/// Google's and Microsoft's mechanism. A token that is refused is answered with 334 and its details in JSON; the refusal
/// itself comes only after an empty line from us.
async fn xoauth2(link: &mut Link, username: &str, token: &SecretText, within: Duration) -> Result<(), SessionFailure> {
    let fields = [
        "user=",
        username,
        "\u{1}auth=Bearer ",
        token.expose_secret(),
        "\u{1}\u{1}",
    ];
    let verdict = say(link, &["AUTH XOAUTH2 ", &base64(&fields)], within).await?;
    if verdict.code != 334 {
        return judge(&verdict, &[235]);
    }
    let refusal = say(link, &[], within).await?;
    // No answer to the empty line is a welcome.
    judge(&refusal, &[])
}

async fn say(link: &mut Link, parts: &[&str], within: Duration) -> Result<WireReply, SessionFailure> {
    let command = joined(parts.iter().chain(&["\r\n"]));
    let shown = match parts {
        [mechanism @ ("AUTH PLAIN " | "AUTH XOAUTH2 "), ..] => format!("{mechanism}{HIDDEN}"),
        ["AUTH LOGIN"] => "AUTH LOGIN\r\n".to_owned(),
        [] => "\r\n".to_owned(),
        [..] => HIDDEN.to_owned(),
    };
    link.tap.watch().said(&shown);
    link.exchange_unseen(&command, within).await
}

fn base64(parts: &[&str]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(joined(parts.iter()).as_bytes()))
}

/// One text in memory that is wiped, and made without a copy that is not.
fn joined<'a>(parts: impl Iterator<Item = &'a &'a str> + Clone) -> Zeroizing<String> {
    let length = parts.clone().map(|part| part.len()).sum();
    let mut text = Zeroizing::new(String::with_capacity(length));
    for part in parts {
        text.push_str(part);
    }
    text
}
