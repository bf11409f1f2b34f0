//! Values as they are typed, right and wrong.

use domain::secret::ExposeSecret;

use super::*;

#[test]
fn a_key_is_32_bytes_of_base64_and_nothing_else() {
    let good = BASE64_STANDARD.encode([7_u8; 32]);
    assert_eq!(key(&good).unwrap().expose_secret(), &[7; 32]);
    assert!(key(&BASE64_STANDARD.encode([7_u8; 31])).is_err());
    assert!(key(&BASE64_STANDARD.encode([7_u8; 33])).is_err());
    assert!(key("not base64!").is_err());
}

#[test]
fn networks_are_cidrs_or_single_addresses() {
    let read = |text| {
        networks(text)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(read("127.0.0.0/8, ::1"), ["127.0.0.0/8", "::1/128"]);
    assert_eq!(read("10.1.2.3/8"), ["10.0.0.0/8"]);
    assert!(read("").is_empty());
}

#[test]
fn every_bad_network_is_named() {
    let fault = networks("10.0.0.0/8,10.0.0.0/33,nonsense").unwrap_err();
    assert!(fault.detail.contains("\"10.0.0.0/33\", \"nonsense\""));
}

#[test]
fn seconds_are_whole_numbers_in_range() {
    assert_eq!(outcome_unknown_delay("0"), Ok(Duration::ZERO));
    assert_eq!(outcome_unknown_delay("86400"), Ok(Duration::from_hours(24)));
    for bad in ["86401", "-1", "10m", "1.5", ""] {
        assert!(outcome_unknown_delay(bad).is_err(), "{bad:?} was accepted");
    }
}

#[test]
fn a_url_that_holds_more_than_a_place_is_refused() {
    assert!(http_url("https://mail.example.com/base").is_ok());
    for bad in [
        "mail.example.com",
        "ftp://a.example",
        "https://u:p@a.example",
        "https://a.example/?q",
        "https://a.example/#f",
    ] {
        assert!(http_url(bad).is_err(), "{bad:?} was accepted");
    }
}

#[test]
fn a_client_id_has_no_colon_because_http_basic_ends_it_there() {
    assert!(client_id("operator").is_ok());
    assert!(client_id("a:b").is_err());
    assert!(client_secret("a:b").is_ok());
    assert!(client_secret("pässwort").is_err());
}
