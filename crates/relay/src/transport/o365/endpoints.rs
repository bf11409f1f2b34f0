//! Where Microsoft is: the pair of hosts of each national cloud, or what an operator put in their place.
//!
//! A tenant picks a cloud and types an identifier; neither can become a host or another path, since every identifier is
//! parsed before and is one segment of the path here.

use domain::{
    address::EmailAddress,
    connection::{Cloud, Directory},
};
use url::Url;

use crate::gate::http::Clear;

/// The addresses of Microsoft's two services.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    login: Option<Url>,
    graph: Option<Url>,
}

/// The identifiers do not make an address; unreachable as long as every host in the table is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no address can be made for Microsoft's service")]
pub struct NoAddress;

impl Endpoints {
    /// Microsoft's, by cloud.
    #[must_use]
    pub fn of_microsoft() -> Self {
        Self::default()
    }

    /// Other ones, for an emulator; they stand in for every cloud's.
    #[must_use]
    pub const fn replaced(login: Option<Url>, graph: Option<Url>) -> Self {
        Self { login, graph }
    }

    /// Whether one of them was given as `http:`.
    #[must_use]
    pub fn clear(&self) -> Clear {
        let given = self.login.iter().chain(&self.graph);
        if given.into_iter().any(|url| url.scheme() == "http") {
            Clear::Allowed
        } else {
            Clear::Refused
        }
    }

    /// Where a directory gives tokens.
    ///
    /// # Errors
    /// [`NoAddress`].
    pub fn token(&self, cloud: Cloud, directory: &Directory) -> Result<Url, NoAddress> {
        let base = base(self.login.as_ref(), cloud.login_host())?;
        below(base, &[&directory.to_string(), "oauth2", "v2.0", "token"])
    }

    /// Where mail of a mailbox is sent.
    ///
    /// # Errors
    /// [`NoAddress`].
    pub fn send_mail(&self, cloud: Cloud, mailbox: &EmailAddress) -> Result<Url, NoAddress> {
        let base = base(self.graph.as_ref(), cloud.graph_host())?;
        below(base, &["v1.0", "users", &mailbox.to_string(), "sendMail"])
    }

    /// What a token is asked for: everything the application was given leave to do at Graph.
    ///
    /// # Errors
    /// [`NoAddress`].
    pub fn scope(&self, cloud: Cloud) -> Result<String, NoAddress> {
        let base = base(self.graph.as_ref(), cloud.graph_host())?;
        Ok(format!("{}/.default", base.as_str().trim_end_matches('/')))
    }
}

fn base(given: Option<&Url>, host: &str) -> Result<Url, NoAddress> {
    match given {
        Some(url) => Ok(url.clone()),
        None => Url::parse(&format!("https://{host}/")).map_err(|_| NoAddress),
    }
}

fn below(mut base: Url, segments: &[&str]) -> Result<Url, NoAddress> {
    base.path_segments_mut()
        .map_err(|()| NoAddress)?
        .pop_if_empty()
        .extend(segments);
    Ok(base)
}

#[cfg(test)]
mod tests;
