//! The O365 send method: Microsoft Graph, in the name of an application that the tenant registered.
//!
//! A tenant never types a host: the national cloud picks the pair of them, and everything else is an identifier.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{
    address::Domain,
    fault::Fault,
    ids::VaultSecretId,
    message::kind::Content,
    secret::{ExposeSecret, SecretText},
};

/// Octets of one request to Microsoft Graph at most.
pub const MAX_O365_REQUEST: usize = 4 * 1024 * 1024;

/// Octets of the request that would send this, at least: the MIME goes in base64 (RFC 4648 §4).
#[must_use]
pub fn least_o365_request(content: &Content) -> usize {
    content.least_mime().div_ceil(3).saturating_mul(4)
}

/// A mailbox that Microsoft Graph sends from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct O365 {
    /// The vault's entry that the application comes from.
    pub secret: VaultSecretId,
    /// Who we are there.
    pub application: Application,
    /// Which of Microsoft's clouds the mailbox is in.
    pub cloud: Cloud,
    /// Whether Microsoft keeps a copy in *Sent Items*, where the form of the request lets us choose.
    pub save_to_sent_items: bool,
}

/// An Azure App Registration: what the template `azure_application` holds.
#[derive(Clone)]
pub struct Application {
    /// Its *Application (client) ID*.
    pub client_id: Uuid,
    /// The value of its client secret.
    pub client_secret: SecretText,
    /// The directory it is registered in, the *Tenant ID*.
    pub directory: Directory,
}

/// Compares our own settings with each other, to see whether they changed; never what a stranger sent, so time does not tell.
impl PartialEq for Application {
    fn eq(&self, other: &Self) -> bool {
        self.client_id == other.client_id
            && self.directory == other.directory
            && self.client_secret.expose_secret() == other.client_secret.expose_secret()
    }
}

impl Eq for Application {}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("client_id", &self.client_id)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// A Microsoft Entra directory, by its id or one of its domain names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Directory {
    /// Its id.
    Id(Uuid),
    /// A domain that it owns.
    Name(Domain),
}

impl FromStr for Directory {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if let Ok(id) = Uuid::try_parse(text) {
            return Ok(Self::Id(id));
        }
        text.parse()
            .map(Self::Name)
            .map_err(|_| Fault::invalid("A directory's id (a GUID) or one of its domain names."))
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// One of Microsoft's clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cloud {
    /// The worldwide one.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    UsGovL4,
    /// US Government L5 (`DoD`).
    UsGovL5,
    /// Operated by 21Vianet.
    China,
}

impl Cloud {
    /// Every value, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Global, Self::UsGovL4, Self::UsGovL5, Self::China];

    /// The value as clients and tables write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::UsGovL4 => "us_gov_l4",
            Self::UsGovL5 => "us_gov_l5",
            Self::China => "china",
        }
    }

    /// The host that gives tokens.
    #[must_use]
    pub const fn login_host(self) -> &'static str {
        match self {
            Self::Global => "login.microsoftonline.com",
            Self::UsGovL4 | Self::UsGovL5 => "login.microsoftonline.us",
            Self::China => "login.chinacloudapi.cn",
        }
    }

    /// The host of Microsoft Graph.
    #[must_use]
    pub const fn graph_host(self) -> &'static str {
        match self {
            Self::Global => "graph.microsoft.com",
            Self::UsGovL4 => "graph.microsoft.us",
            Self::UsGovL5 => "dod-graph.microsoft.us",
            Self::China => "microsoftgraph.chinacloudapi.cn",
        }
    }
}

impl FromStr for Cloud {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL
            .into_iter()
            .find(|cloud| cloud.as_str() == text)
            .ok_or_else(|| Fault::invalid("One of global, us_gov_l4, us_gov_l5, china."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clouds_round_trip_and_no_two_share_a_graph() {
        for cloud in Cloud::ALL {
            assert_eq!(cloud.as_str().parse(), Ok(cloud));
        }
        let hosts: std::collections::HashSet<_> = Cloud::ALL.map(Cloud::graph_host).into();
        assert_eq!(hosts.len(), Cloud::ALL.len());
    }

    #[test]
    fn a_directory_is_an_id_or_a_domain_and_never_part_of_a_path() {
        assert!(matches!(
            "72f988bf-86f1-41af-91ab-2d7cd011db47".parse(),
            Ok(Directory::Id(_))
        ));
        assert!(matches!("contoso.onmicrosoft.com".parse(), Ok(Directory::Name(_))));
        for bad in ["", "..", "a/b", "contoso.com/../x", "common", "contoso.com?x"] {
            assert!(bad.parse::<Directory>().is_err(), "{bad:?} was accepted");
        }
    }
}
