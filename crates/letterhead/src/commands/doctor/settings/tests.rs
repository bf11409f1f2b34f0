//! Networks that are too wide, and links that lead nowhere but here.

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
