//! How values are read that the domain has no parser for: addresses, URLs, networks, keys, durations.
//!
//! Every fault tells what would be accepted, as the second half of the line that stops start-up. None repeats the text: it
//! may be a secret, and the reader of a setting decides whether it can be shown.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{
    fault::{Fault, FaultCode},
    secret::{Secret, SecretText, secret_text},
};
use ipnet::IpNet;
use url::Url;
use zeroize::Zeroizing;

/// Longest client id or secret of the first operator, in octets; ours.
const MAX_CLIENT_CREDENTIAL: usize = 255;

/// A path, as it is.
pub(super) fn path(text: &str) -> Result<PathBuf, Fault> {
    if text.contains('\0') {
        return Err(Fault::invalid("give a path without a NUL character"));
    }
    Ok(PathBuf::from(text))
}

/// An address to listen on. Names are not accepted: which of a name's addresses is meant would be a guess.
pub(super) fn socket_address(text: &str) -> Result<SocketAddr, Fault> {
    text.parse()
        .map_err(|_| Fault::invalid("give an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080"))
}

/// An absolute `http` or `https` URL that only names a place: no credentials, no query, no fragment.
pub(super) fn http_url(text: &str) -> Result<Url, Fault> {
    let wrong = || Fault::invalid("give a URL such as https://mail.example.com, without user name, query or fragment");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        Ok(url)
    } else {
        Err(wrong())
    }
}

/// 32 bytes in standard base64 (RFC 4648 §4).
pub(crate) fn key(text: &str) -> Result<Secret<[u8; 32]>, Fault> {
    let bytes = BASE64_STANDARD.decode(text.trim()).map(Zeroizing::new).map_err(|_| {
        Fault::invalid("give 32 bytes in base64 (44 characters), for example the output of `openssl rand -base64 32`")
    })?;
    if bytes.len() != 32 {
        return Err(Fault::invalid(format!(
            "give exactly 32 bytes in base64; these are {}, and `openssl rand -base64 32` makes a key of the right length",
            bytes.len()
        )));
    }
    Ok(Secret::init_with_mut(|key: &mut [u8; 32]| key.copy_from_slice(&bytes)))
}

/// An OAuth 2.0 client id (RFC 6749 appendix A.1) that fits HTTP Basic, whose user name ends at the first colon.
pub(super) fn client_id(text: &str) -> Result<String, Fault> {
    if is_credential(text) && !text.contains(':') {
        Ok(text.to_owned())
    } else {
        Err(Fault::invalid(
            "give 1 to 255 printable ASCII characters without a colon, such as bootstrap-operator",
        ))
    }
}

/// An OAuth 2.0 client secret (RFC 6749 appendix A.2).
pub(super) fn client_secret(text: &str) -> Result<SecretText, Fault> {
    if is_credential(text) {
        Ok(secret_text(text))
    } else {
        Err(Fault::invalid("give 1 to 255 printable ASCII characters"))
    }
}

fn is_credential(text: &str) -> bool {
    (1..=MAX_CLIENT_CREDENTIAL).contains(&text.len()) && text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// How long an access token is valid.
pub(super) fn token_lifetime(text: &str) -> Result<Duration, Fault> {
    seconds(text, 60..=86_400)
}

/// How long to wait before a mail of unknown outcome goes once more.
pub(super) fn outcome_unknown_delay(text: &str) -> Result<Duration, Fault> {
    seconds(text, 0..=86_400)
}

fn seconds(text: &str, range: RangeInclusive<u64>) -> Result<Duration, Fault> {
    text.parse()
        .ok()
        .filter(|seconds| range.contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| {
            let (least, most) = range.into_inner();
            Fault::new(
                FaultCode::OutOfRange,
                format!("give a whole number of seconds from {least} to {most}, without a unit"),
            )
        })
}

/// Networks separated by commas; an address alone is the network of that address. Host bits are cut off.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, Fault> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let (good, bad): (Vec<_>, Vec<_>) = entries.map(network).partition(Result::is_ok);
    if bad.is_empty() {
        return Ok(good.into_iter().flatten().collect());
    }
    let bad: Vec<String> = bad.into_iter().filter_map(Result::err).collect();
    Err(Fault::invalid(format!(
        "{} is not a network; give CIDRs separated by commas, such as 10.0.0.0/8,fd00::/8",
        bad.join(", ")
    )))
}

fn network(entry: &str) -> Result<IpNet, String> {
    let network = entry.parse::<IpNet>().map(|network| network.trunc());
    network
        .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{entry:?}"))
}

#[cfg(test)]
mod tests;
