//! The network: names resolve, certificates can be verified, and mail gets out to where it is configured to go.
//!
//! Connections are made through the same gate as mail's, and closed at once.

use std::{sync::Arc, time::Duration};

use domain::connection::{Cloud, Host};
use relay::{
    gate::{Gate, GateError},
    session::check_roots,
};
use storage::checkup::{Checkup, Server};
use tokio::{net::lookup_host, sync::Semaphore, task::JoinSet, time::timeout};
use url::Url;

use super::{report::Report, settings::means_nothing_outside};
use crate::config::Config;

/// How long a name or a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections tried at once.
const AT_ONCE: usize = 16;
/// The ports of mail: SMTP, submission over TLS, submission (RFC 5321 §4.5.4.2, RFC 8314 §7.3, RFC 6409 §3.1).
const MAIL_PORTS: [u16; 3] = [25, 465, 587];

pub(super) async fn check(config: &Config, checkup: Option<Checkup>, report: &mut Report) {
    check_tls_roots(report);
    check_dns(config, report).await;
    let servers = checkup.map(|checkup| {
        let microsoft = checkup.clouds.iter().flat_map(|cloud| microsoft(config, *cloud));
        checkup.servers.into_iter().chain(microsoft).collect::<Vec<_>>()
    });
    match servers {
        None => report.skipped("outbound", "no server is known without the database"),
        Some(servers) if servers.is_empty() => report.warning(
            "outbound",
            "no route and no on-premises server is configured: mail waits",
            "make a route with POST /v1/relay/routes",
        ),
        Some(servers) => check_servers(&Gate::new(config.egress_allow.clone()), servers, report).await,
    }
}

fn check_tls_roots(report: &mut Report) {
    match check_roots() {
        Ok(()) => report.ok("tls_roots", "this machine has roots to verify certificates with"),
        Err(error) => report.error(
            "tls_roots",
            format!("no certificate can be verified ({error})"),
            "install the system's root certificates (package ca-certificates)",
        ),
    }
}

async fn check_dns(config: &Config, report: &mut Report) {
    let domain = config.provider.relay_domain.as_str();
    if means_nothing_outside(domain) {
        report.skipped("dns", format!("{domain} is no name to ask a name server for"));
        return;
    }
    match timeout(PATIENCE, lookup_host((domain, 0))).await {
        Ok(Ok(_)) => report.ok("dns", format!("the relay domain {domain} has an address")),
        Ok(Err(error)) if !is_temporary(&error) => report.warning(
            "dns",
            format!("the relay domain {domain} has no address, so servers may refuse mail from it"),
            "publish an A or AAAA record, an MX record and SPF for it",
        ),
        Ok(Err(_)) | Err(_) => report.error(
            "dns",
            "the name servers of this machine do not answer",
            "check /etc/resolv.conf, and that port 53 is open towards them",
        ),
    }
}

/// Whether the resolver got no answer, rather than the answer no; only its text tells (`gai_strerror(3)`).
fn is_temporary(error: &std::io::Error) -> bool {
    error.to_string().contains("Temporary failure")
}

/// Where tokens come from and where mail goes, in one of Microsoft's clouds or in what stands in for it.
fn microsoft(config: &Config, cloud: Cloud) -> impl Iterator<Item = Server> {
    let ends = [
        ("sign-in", config.o365_login_url.as_ref(), cloud.login_host()),
        ("Graph", config.o365_graph_url.as_ref(), cloud.graph_host()),
    ];
    ends.into_iter().filter_map(move |(end, other, own)| {
        Some(Server {
            user: format!("O365 {end}, cloud {}", cloud.as_str()),
            host: other.map_or_else(|| own.parse().ok(), host_of)?,
            port: other.and_then(Url::port_or_known_default).unwrap_or(443),
        })
    })
}

fn host_of(url: &Url) -> Option<Host> {
    match url.host()? {
        url::Host::Domain(name) => name.parse().ok(),
        url::Host::Ipv4(address) => Some(Host::Address(address.into())),
        url::Host::Ipv6(address) => Some(Host::Address(address.into())),
    }
}

async fn check_servers(gate: &Gate, servers: Vec<Server>, report: &mut Report) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tries = JoinSet::new();
    for (number, server) in servers.into_iter().enumerate() {
        let (gate, places) = (gate.clone(), Arc::clone(&places));
        tries.spawn(async move {
            let _place = places.acquire_owned().await;
            let outcome = reach(&gate, &server.host, server.port).await;
            let open = match outcome {
                Err(GateError::TimedOut | GateError::Refused | GateError::Unreachable) => {
                    other_ports(&gate, &server).await
                }
                Ok(()) | Err(GateError::Blocked | GateError::NotFound) => Vec::new(),
            };
            (number, server, outcome, open)
        });
    }
    let mut done = tries.join_all().await;
    done.sort_by_key(|(number, ..)| *number);
    for (_, server, outcome, open) in done {
        tell(&server, outcome, &open, report);
    }
}

async fn reach(gate: &Gate, host: &Host, port: u16) -> Result<(), GateError> {
    let addresses = timeout(PATIENCE, gate.resolve(host, port)).await;
    let addresses = addresses.unwrap_or(Err(GateError::NotFound))?;
    gate.connect(&addresses, PATIENCE).await.map(drop)
}

/// Which of mail's other ports answer: a network often closes just one of them.
async fn other_ports(gate: &Gate, server: &Server) -> Vec<u16> {
    let mut open = Vec::new();
    if server.port == 443 {
        return open;
    }
    for port in MAIL_PORTS.into_iter().filter(|port| *port != server.port) {
        if reach(gate, &server.host, port).await.is_ok() {
            open.push(port);
        }
    }
    open
}

fn tell(server: &Server, outcome: Result<(), GateError>, open: &[u16], report: &mut Report) {
    let place = format!("{} ({} port {})", server.user, server.host, server.port);
    let Err(error) = outcome else {
        report.ok("outbound", format!("{place} can be reached"));
        return;
    };
    let what = match error {
        GateError::Blocked => "is an address that must not be reached",
        GateError::NotFound => "has a name that does not resolve",
        GateError::Refused => "refuses the connection",
        GateError::TimedOut => "does not answer in 5 seconds",
        GateError::Unreachable => "cannot be reached from this network",
    };
    report.error("outbound", format!("{place} {what}"), remedy(error, server.port, open));
}

fn remedy(error: GateError, port: u16, open: &[u16]) -> String {
    match (error, open.first()) {
        (GateError::Blocked, _) => {
            "add its network to LETTERHEAD_EGRESS_ALLOW if it is a mail server of yours".to_owned()
        }
        (GateError::NotFound, _) => "check the name, and the name servers of this machine".to_owned(),
        (GateError::Refused | GateError::TimedOut | GateError::Unreachable, Some(answers)) => {
            format!("port {answers} of the same server answers: use it, or open outbound port {port} in the firewall")
        }
        (GateError::Refused, None) => "check that the server runs, and its port".to_owned(),
        (GateError::TimedOut | GateError::Unreachable, None) => {
            format!(
                "open outbound port {port} in the firewall or at the hosting provider, or check that the server runs"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_port_is_told_with_the_one_that_is_open() {
        let fix = remedy(GateError::TimedOut, 25, &[587]);
        assert!(fix.contains("port 587 of the same server answers"), "{fix}");
        let fix = remedy(GateError::TimedOut, 25, &[]);
        assert!(fix.starts_with("open outbound port 25"), "{fix}");
        assert!(remedy(GateError::Blocked, 25, &[]).contains("LETTERHEAD_EGRESS_ALLOW"));
    }

    #[test]
    fn what_stands_in_for_microsoft_is_asked_in_its_place() {
        let host = |url: &str| host_of(&Url::parse(url).unwrap()).map(|host| host.to_string());
        assert_eq!(host("http://127.0.0.1:1/x").as_deref(), Some("127.0.0.1"));
        assert_eq!(host("https://[::1]").as_deref(), Some("::1"));
        assert_eq!(host("https://graph.example").as_deref(), Some("graph.example"));
    }
}
