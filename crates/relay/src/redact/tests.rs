//! No secret can be read in what is shown, in whatever form it comes back.

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

fn knowing(secret: &str) -> Redactor {
    let mut redactor = Redactor::default();
    redactor.hide(secret);
    redactor
}

#[test]
fn a_secret_is_blotted_out_in_every_usual_form_and_in_part() {
    let secret = "canary+pass word/9";
    let redactor = knowing(secret);
    let encoded = STANDARD.encode(format!("\0relay\0{secret}"));
    for said in [
        secret.to_owned(),
        STANDARD.encode(secret),
        encoded.clone(),
        "63616e6172792b70617373".to_owned(),
        "canary%2Bpass%20word%2F9".to_owned(),
        "canary%2bpass+word%2f9".to_owned(),
        secret.split_at(10).0.to_owned(),
    ] {
        let shown = redactor.shown(&format!("535 5.7.8 you said {said} just now"), 500);
        assert!(shown.contains(BLOT) && shown.ends_with(" just now"), "{shown}");
        assert!(!shown.contains("canary") && !shown.contains(secret), "{shown}");
    }
    let shown = redactor.shown(&encoded, 500);
    assert!(shown.len() < encoded.len(), "{shown}");
}

#[test]
fn a_short_secret_is_found_as_a_whole_and_words_stay_as_they_are() {
    assert_eq!(knowing("abc").shown("xabcx abd", 100), "x[redacted]x abd");
    assert_eq!(
        knowing("correct horse").shown("250 ok: queued as 1A2B", 100),
        "250 ok: queued as 1A2B"
    );
}

#[test]
fn what_cannot_be_seen_is_escaped_and_what_is_long_is_cut() {
    let redactor = Redactor::default();
    assert_eq!(
        redactor.shown("a\rb\u{1b}[31mc\u{202e}", 100),
        "a\\rb\\u{1b}[31mc\\u{202e}"
    );
    assert_eq!(redactor.shown("abcdef", 3), "abc…");
}

proptest! {
    #[test]
    fn no_secret_is_readable_in_what_is_shown(secret in "[a-zA-Z0-9+/~* ü]{8,40}", around in "[a-z =]{0,20}") {
        let redactor = knowing(&secret);
        let form: String = byte_serialize(secret.as_bytes()).collect();
        let hex = secret.bytes().fold(String::new(), |text, octet| text + &format!("{octet:02x}"));
        for said in [
            secret.clone(),
            STANDARD.encode(&secret),
            STANDARD.encode(format!("\0{around}\0{secret}")),
            hex.to_uppercase(),
            hex,
            with_small_escapes(&form),
            form,
        ] {
            let shown = redactor.shown(&format!("{around}{said}{around}"), 1000);
            prop_assert!(!shown.contains(&said), "{shown}");
            prop_assert!(!shown.contains(&secret), "{shown}");
        }
    }
}
