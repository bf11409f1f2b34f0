//! Refusals of both services, whole and broken, and what of them goes no further.

use reqwest::header::HeaderValue;

use super::*;

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    Answer {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn wait(headers: &[(&'static str, &str)]) -> Option<u64> {
    let refusal = Refusal::of(&answer(429, headers, ""), &[]);
    refusal.retry_after.map(|wait| wait.as_secs())
}

#[test]
fn both_services_shapes_are_read_and_html_leaves_the_status() {
    let entra = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1","error_codes":[7000215],"trace_id":"1-2"}"#;
    let refusal = Refusal::of(&answer(401, &[], entra), &[]);
    assert_eq!(
        (refusal.error.as_str(), refusal.number),
        ("invalid_client", Some(7_000_215))
    );
    assert_eq!(refusal.text, "AADSTS7000215: Invalid client secret provided.");
    assert_eq!(refusal.request_id.as_deref(), Some("1-2"));

    let graph = r#"{"error":{"code":"ErrorAccessDenied","message":"Access is denied."}}"#;
    let refusal = Refusal::of(&answer(403, &[("request-id", "7")], graph), &[]);
    assert_eq!(
        refusal.reply(),
        Reply::new(403, "ErrorAccessDenied: Access is denied. (request 7)")
    );

    let refusal = Refusal::of(&answer(502, &[], "<html>Bad Gateway</html>"), &[]);
    assert_eq!(
        (refusal.status, refusal.error.as_str(), refusal.number),
        (502, "", None)
    );
}

#[test]
fn a_number_is_found_in_the_text_where_the_list_is_missing() {
    let body = r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application was not found"}"#;
    assert_eq!(Refusal::of(&answer(400, &[], body), &[]).number, Some(700_016));
}

#[test]
fn a_credential_that_comes_back_in_a_text_goes_no_further() {
    let body = r#"{"error":"invalid_client","error_description":"the secret S3cret~x is wrong"}"#;
    let refusal = Refusal::of(&answer(401, &[], body), &["S3cret~x", ""]);
    assert_eq!(refusal.text, "the secret [redacted] is wrong");
}

#[test]
fn a_wait_is_seconds_or_a_date_and_an_hour_at_most() {
    let date = ("date", "Wed, 25 Nov 2026 12:00:00 GMT");
    assert_eq!(wait(&[]), None);
    assert_eq!(wait(&[("retry-after", "17")]), Some(17));
    assert_eq!(wait(&[("retry-after", "86400")]), Some(3600));
    assert_eq!(
        wait(&[date, ("retry-after", "Wed, 25 Nov 2026 12:02:00 GMT")]),
        Some(120)
    );
    assert_eq!(wait(&[date, ("retry-after", "Wed, 25 Nov 2026 11:00:00 GMT")]), Some(0));
    assert_eq!(wait(&[("retry-after", "Wed, 25 Nov 2026 12:02:00 GMT")]), None);
    assert_eq!(wait(&[("retry-after", "-3")]), None);
    assert_eq!(wait(&[("retry-after", "99999999999999999999999")]), None);
}
