//! The configuration: sound as a whole, and sensible for a service that others can reach.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use super::report::Report;
use crate::config::{Config, Loaded, Origin, SETTINGS, Secrecy, Value};

/// Where cloud machines ask for their own credentials (AWS, Azure, Google: IPv4; AWS: IPv6).
const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];
/// Names that mean nothing outside this machine or in no network at all (RFC 6761, RFC 6762).
const NOWHERE: [&str; 5] = ["localhost", "local", "test", "invalid", "example"];

pub(super) fn check(loaded: &Loaded, report: &mut Report) {
    report.ok(
        "configuration",
        format!("all {} settings are sound", loaded.values.len()),
    );
    for warning in &loaded.warnings {
        warn(warning, report);
    }
    for value in loaded.values.iter().filter(|value| is_secret(value)) {
        if let Origin::Flag(flag) = &value.origin {
            report.warning(
                "configuration",
                format!("the secret --{flag} can be seen by every account of this machine"),
                format!(
                    "give it in a file that LETTERHEAD_{}_FILE names",
                    value.key.to_ascii_uppercase()
                ),
            );
        }
    }
    check_public_url(&loaded.config, report);
    check_relay_domain(&loaded.config, report);
    check_listeners(&loaded.config, report);
    check_egress(&loaded.config.egress_allow, report);
}

/// A warning of the configuration: what, and how to mend it, as on one line.
pub(super) fn warn(line: &str, report: &mut Report) {
    let (what, mend) = line.rsplit_once(": ").unwrap_or((line, "see docs/configuration.md"));
    report.warning("configuration", what, mend);
}

/// Whether a setting is one that is never shown.
pub(super) fn is_secret(value: &Value) -> bool {
    SETTINGS
        .into_iter()
        .any(|about| about.key == value.key && matches!(about.secrecy, Secrecy::Secret))
}

fn check_public_url(config: &Config, report: &mut Report) {
    let url = &config.public_url;
    if leads_home(url) {
        report.warning(
            "public_url",
            format!("links in mail lead to {url}, which is the reader's own machine"),
            "set LETTERHEAD_PUBLIC_URL to how people reach this service",
        );
    } else if url.scheme() == "http" {
        report.warning(
            "public_url",
            format!("{url} is not encrypted: tokens and approvals can be read on the way"),
            "put a reverse proxy with a certificate in front, and set LETTERHEAD_PUBLIC_URL to its https address",
        );
    } else {
        report.ok("public_url", url.as_str());
    }
}

fn leads_home(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

fn check_relay_domain(config: &Config, report: &mut Report) {
    let domain = config.provider.relay_domain.as_str();
    if means_nothing_outside(domain) {
        report.warning(
            "relay_domain",
            format!("{domain} exists nowhere else: servers refuse mail from it, and bounces do not come back"),
            "set LETTERHEAD_RELAY_DOMAIN to a domain of yours",
        );
    } else {
        report.ok("relay_domain", domain);
    }
}

/// Whether no name server of the world knows this domain.
pub(super) fn means_nothing_outside(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or_default();
    NOWHERE.contains(&last)
}

fn check_listeners(config: &Config, report: &mut Report) {
    let internal = config.internal_listen;
    if internal.ip().is_loopback() {
        report.ok(
            "listeners",
            format!("{} for the public, {internal} for this machine", config.listen),
        );
    } else {
        report.warning(
            "listeners",
            format!("{internal} serves metrics without authentication to other machines"),
            "set LETTERHEAD_INTERNAL_LISTEN to a loopback address, or keep others away with a firewall",
        );
    }
}

fn check_egress(allowed: &[IpNet], report: &mut Report) {
    const FIX: &str = "name in LETTERHEAD_EGRESS_ALLOW only the networks of mail servers, as narrowly as they are";
    let mut sound = true;
    for network in allowed {
        let finding = |what: &str| format!("egress_allow has {network}: {what}");
        let metadata = METADATA
            .iter()
            .filter_map(|address| address.parse::<IpAddr>().ok())
            .any(|address| network.contains(&address));
        if network.prefix_len() == 0 {
            report.error("egress", finding("tenants reach every address there is"), FIX);
        } else if metadata {
            report.error(
                "egress",
                finding("tenants reach the credentials of this cloud machine"),
                FIX,
            );
        } else if network.addr().is_loopback() {
            report.warning("egress", finding("tenants reach the services of this machine"), FIX);
        } else if is_wide(network) {
            report.warning("egress", finding("tenants reach far more than mail servers"), FIX);
        } else {
            continue;
        }
        sound = false;
    }
    if sound {
        let told = match allowed.len() {
            0 => "no private address can be reached".to_owned(),
            count => format!("{count} private networks can be reached"),
        };
        report.ok("egress", told);
    }
}

/// Wider than a site: a /16 (RFC 1918 §3), a /48 (RFC 6177 §2).
fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => network.prefix_len() < 16,
        IpNet::V6(network) => network.prefix_len() < 48,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(networks: &[&str]) -> String {
        let networks: Vec<IpNet> = networks.iter().map(|network| network.parse().unwrap()).collect();
        let mut report = Report::default();
        check_egress(&networks, &mut report);
        let text = report.as_text();
        text.lines()
            .map(|line| line.split(' ').next().unwrap())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_network_is_too_wide_where_it_holds_more_than_a_site() {
        assert_eq!(found(&[]), "ok 0");
        assert_eq!(found(&["10.1.2.0/24", "fd00:1:2::/48"]), "ok 0");
        assert_eq!(found(&["10.0.0.0/8", "fd00::/32"]), "warning warning 0");
        assert_eq!(found(&["127.0.0.0/8", "::1/128"]), "warning warning 0");
        assert_eq!(found(&["0.0.0.0/0", "::/0"]), "error error 2");
        assert_eq!(found(&["169.254.0.0/16", "10.1.2.3/32"]), "error 1");
        assert_eq!(found(&["fd00::/8"]), "error 1");
    }

    #[test]
    fn a_link_to_the_readers_own_machine_is_known_in_every_spelling() {
        for home in [
            "http://localhost:8080",
            "http://127.0.0.1",
            "http://[::1]:1",
            "http://0.0.0.0",
            "http://x.localhost",
        ] {
            assert!(leads_home(&Url::parse(home).unwrap()), "{home}");
        }
        assert!(!leads_home(&Url::parse("https://mail.example.com").unwrap()));
    }
}
