//! Settings are found by what people type, and nothing else is found.

use std::collections::BTreeSet;

use super::*;

fn found(text: &str) -> Vec<&'static str> {
    search(text).into_iter().map(|setting| setting.id).collect()
}

fn first(text: &str) -> &'static str {
    found(text).first().copied().unwrap_or("nothing")
}

#[test]
fn typing_email_leads_to_the_page_and_then_to_its_fields() {
    for text in [
        "email",
        "Email",
        "e-mail",
        "mail",
        "ema",
        "emial",
        "emal",
        "emails",
        "email config",
        "smtp",
    ] {
        assert_eq!(first(text), "email_configuration", "{text}");
    }
    let found = found("email");
    assert!(
        found.contains(&"from_email_address") && found.contains(&"smtp.email_server"),
        "{found:?}"
    );
}

#[test]
fn every_setting_is_found_by_its_own_title() {
    for setting in SETTINGS {
        assert_eq!(first(setting.title), setting.id);
    }
}

#[test]
fn people_find_what_they_mean_by_other_words_and_with_typos() {
    for (text, id) in [
        ("from address", "from_email_address"),
        ("sender name", "from_email_name"),
        ("pasword", "smtp.password"),
        ("usrename", "smtp.username"),
        ("smtp port", "smtp.port"),
        ("tls", "smtp.security"),
        ("starttls", "smtp.security"),
        ("encription", "smtp.security"),
        ("hostname", "smtp.email_server"),
        ("private ca", "smtp.ca_certificate_pem"),
        ("office 365", "send_email_method"),
        ("gcc high", "o365.cloud"),
        ("test mail", "email_test"),
        ("rollback", "email_history"),
        ("azure app", "o365.send_email_application_secret_id"),
        ("2fa", "code_in_subject"),
        ("colour", "accent_color"),
        ("hardning", "hardening_report"),
        ("oauth", "api_clients"),
        ("rate limit", "limits"),
    ] {
        assert_eq!(first(text), id, "{text}");
    }
}

#[test]
fn what_is_not_a_setting_is_not_found_and_nothing_asks_for_all() {
    for text in ["zebra", "qqqq", "email zebra"] {
        assert_eq!(found(text), Vec::<&str>::new(), "{text}");
    }
    assert_eq!(found("").len(), SETTINGS.len());
    assert_eq!(found(" - ").len(), SETTINGS.len());
}

#[test]
fn ids_are_unique_and_every_path_is_the_documents() {
    let ids: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.id).collect();
    assert_eq!(ids.len(), SETTINGS.len());
    let document = crate::openapi::document();
    for setting in SETTINGS {
        let path = setting.api.split('#').next().unwrap();
        assert!(document.paths.paths.contains_key(path), "{path}");
    }
}
