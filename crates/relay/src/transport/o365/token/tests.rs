//! What is read of a token, how long it is used, and what is none.

use serde_json::json;

use super::*;

fn token_with(claims: &Value) -> String {
    format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn roles_are_read_where_they_can_be_and_guessed_nowhere() {
    let listed = |roles: &[&str]| Roles::Listed(roles.iter().map(|&role| role.to_owned()).collect());
    assert_eq!(
        roles(&token_with(&json!({"roles": ["Mail.Send"]}))),
        listed(&["Mail.Send"])
    );
    assert_eq!(roles(&token_with(&json!({"aud": "x"}))), listed(&[]));
    assert_eq!(roles("EwBwA8l6BAAU"), Roles::Unreadable);
    assert_eq!(roles("a.!.c"), Roles::Unreadable);
}

#[test]
fn a_token_is_used_until_five_minutes_before_its_end() {
    let now = Instant::now();
    let life = |expires: Value| {
        let body = json!({"access_token": "t", "token_type": "Bearer", "expires_in": expires});
        read(&body, now).unwrap().good_until - now
    };
    assert_eq!(life(json!(3600)), Duration::from_mins(55));
    assert_eq!(life(json!("3600")), Duration::from_mins(55));
    assert_eq!(life(json!(299)), Duration::ZERO);
    assert_eq!(life(json!(u64::MAX)), Duration::from_hours(24).saturating_sub(MARGIN));
    assert_eq!(life(Value::Null), Duration::ZERO);
}

#[test]
fn what_is_no_token_is_not_sent_on() {
    for body in [
        json!({}),
        json!({"access_token": "", "token_type": "Bearer"}),
        json!({"access_token": "a\r\nb", "token_type": "Bearer"}),
        json!({"access_token": "a", "token_type": "pop"}),
    ] {
        assert!(read(&body, Instant::now()).is_err(), "{body}");
    }
}
