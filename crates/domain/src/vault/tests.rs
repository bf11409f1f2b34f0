//! Days until an end, and what a secret and an id may hold.

use super::*;
use crate::clock::from_millis;

const DAY: i64 = 86_400_000;

#[test]
fn the_last_day_is_day_0_and_a_moment_after_the_end_is_day_minus_1() {
    let left = |until| days_left(from_millis(10 * DAY + until), from_millis(10 * DAY));
    assert_eq!(left(30 * DAY), 30);
    assert_eq!(left(DAY - 1), 0);
    assert_eq!(left(0), 0);
    assert_eq!(left(-1), -1);
}

#[test]
fn what_a_portal_shows_is_a_guid_and_a_name_is_none() {
    assert!("72f988bf-86f1-41af-91ab-2d7cd011db47".parse::<Guid>().is_ok());
    for bad in [
        "",
        "contoso.com",
        "72f988bf-86f1-41af-91ab",
        "72f988bf-86f1-41af-91ab-2d7cd011db4g",
    ] {
        assert!(bad.parse::<Guid>().is_err(), "{bad:?} was accepted");
    }
}

#[test]
fn a_client_secret_may_hold_anything_that_can_be_typed() {
    for good in ["x", "Abc8Q~…ü", &"x".repeat(MAX_CREDENTIAL)] {
        assert!(parse_client_secret(good).is_ok(), "{good:?} was refused");
    }
    for bad in ["", "a\nb", "a\0", &"x".repeat(MAX_CREDENTIAL + 1)] {
        assert!(parse_client_secret(bad).is_err(), "{bad:?} was accepted");
    }
}
