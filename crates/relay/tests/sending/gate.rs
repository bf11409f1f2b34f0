//! The outbound gate: names and addresses through its public face.

use std::{net::SocketAddr, time::Duration};

use domain::{
    connection::{Host, SmtpServer},
    reply::Stage,
};
use relay::{
    gate::{Gate, GateError},
    session::{Dialer, Failed, SessionFailure, Timeouts},
};
use tokio::net::{TcpListener, TcpStream};

use crate::sample::{PATIENCE, deserted, loopback_gate, server};

/// Spellings of forbidden addresses; the whole program is held to them too (`tests/it/security`).
const FORBIDDEN: &str = include_str!("../../../../tests/it/security/forbidden_hosts.toml");

async fn resolved(gate: &Gate, host: &str) -> Result<usize, GateError> {
    let host: Host = host.parse().unwrap();
    gate.resolve(&host, 25).await.map(|addresses| addresses.len())
}

#[tokio::test]
async fn what_leads_inside_is_refused_without_detail() {
    let gate = Gate::default();
    for inside in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "localhost",
        "fd00::1",
    ] {
        assert_eq!(resolved(&gate, inside).await, Err(GateError::Blocked), "{inside}");
    }
    assert_eq!(GateError::Blocked.to_string(), "blocked_address");
}

#[tokio::test]
async fn an_allowed_network_covers_its_v4_mapped_form_and_nothing_else() {
    let gate = Gate::new(vec!["127.0.0.0/8".parse().unwrap()]);
    assert_eq!(resolved(&gate, "127.0.0.1").await, Ok(1));
    assert_eq!(resolved(&gate, "::ffff:127.0.0.1").await, Ok(1));
    assert_eq!(resolved(&gate, "::1").await, Err(GateError::Blocked));
    assert_eq!(resolved(&gate, "10.0.0.1").await, Err(GateError::Blocked));
}

#[tokio::test]
async fn a_name_without_address_is_not_found() {
    assert_eq!(
        resolved(&Gate::default(), "nobody.invalid").await,
        Err(GateError::NotFound)
    );
}

#[tokio::test]
async fn a_connection_is_made_without_nagle_and_only_through_the_gate() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();

    let stream = loopback_gate().connect(&[addr], PATIENCE).await.unwrap();
    assert!(stream.nodelay().unwrap());

    let blocked = Gate::default().connect(&[addr], PATIENCE).await;
    assert_eq!(blocked.map(drop), Err(GateError::Blocked));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [deserted().await, listener.local_addr().unwrap()];

    let stream = loopback_gate().connect(&addresses, PATIENCE).await.unwrap();

    assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
}

#[tokio::test]
async fn a_port_nobody_listens_on_refuses() {
    let gate = loopback_gate();
    let refused = gate.connect(&[deserted().await], Duration::from_secs(1)).await;
    assert_eq!(refused.map(drop), Err(GateError::Refused));
}

/// The hosts of one list of the corpus.
fn forbidden(list: &str) -> Vec<String> {
    let corpus: toml::Table = FORBIDDEN.parse().unwrap();
    let hosts = corpus[list].as_array().unwrap().iter();
    hosts.map(|host| host.as_str().unwrap().to_owned()).collect()
}

async fn open(host: Host, port: u16) -> Failed {
    let dialer = Dialer::new(Gate::default(), Timeouts::default(), &"relay.example".parse().unwrap());
    let somewhere = SocketAddr::from(([0, 0, 0, 0], port));
    let server = SmtpServer {
        host,
        ..server(somewhere)
    };
    dialer.open(&server).await.unwrap_err()
}

#[test]
fn what_is_no_plain_address_or_name_is_no_host() {
    for spelling in forbidden("edge") {
        assert!(spelling.parse::<Host>().is_err(), "{spelling:?} was taken for a host");
    }
}

#[tokio::test]
async fn no_spelling_of_a_forbidden_address_is_connected_to_and_all_are_refused_alike() {
    let canary = TcpListener::bind("[::]:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();

    for spelling in forbidden("gate") {
        let failed = open(spelling.parse().unwrap(), port).await;
        assert_eq!(failed.failure, SessionFailure::Blocked, "{spelling}");
        assert_eq!((failed.stage, failed.tls_version), (Stage::Resolve, None), "{spelling}");
    }

    // Connections are taken in the order of their coming: were there another, it would be first.
    let ours = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (_, first) = canary.accept().await.unwrap();
    assert_eq!(first.port(), ours.local_addr().unwrap().port());
}
