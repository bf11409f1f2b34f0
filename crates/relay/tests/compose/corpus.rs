//! Names and subjects of the world come back as they went in, and no text breaks the wire form.

use domain::{
    address::DisplayName,
    message::{
        Recipient,
        kind::{Content, System, parse_text},
    },
    outbox::Job,
};
use proptest::prelude::*;
use relay::compose::WireMessage;

use crate::sample::{announcement, code, compose, from, job, parse, with_subject};

const NAMES: [&str; 22] = [
    "No Reply",
    "Acme",
    "Acme, Inc.",
    "Müller, \"Max\" (IT)",
    "The \"A\" Team",
    "back\\slash",
    "(parentheses)",
    "a;b:c<d>e[f]",
    "株式会社アクメ",
    "Ωμέγα",
    "Ελληνικά και English",
    "שלום",
    "مرحبا بالعالم",
    "🔐 Vault",
    "e\u{301}",
    "O’Neill; & Sons",
    ".",
    "\"",
    "'",
    "J. R. R. T.",
    "=2C quoted =20",
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
];

const SUBJECTS: [&str; 14] = [
    "Plain",
    "Backup: db-1 failed, 3 of 4",
    "=?utf-8?q?literal?=",
    "half a word =?utf-8?q?",
    "mixed ASCII and Ümläute and more ASCII",
    "two  blanks and   three",
    "日本語の件名はとても長いので折り返しが必要になるはずです日本語の件名はとても長いので折り返しが必要になるはずです",
    "👩\u{200D}💻 asks for नमस्ते",
    "Bcc: x@y.example",
    "an unbroken_word_of_many_octets_that_cannot_be_folded_anywhere_because_it_has_no_blank_at_all_in_it_xxxxxxxxxxxxx",
    "a fairly long subject that must be folded at a blank since it does not fit the seventy-eight octets of a line",
    "ends in ü",
    "ü starts",
    "a ü b ü c ü d ü e ü f ü g ü h ü i ü j ü k ü l ü m ü n ü o ü p ü q ü r ü s ü t ü u ü v ü w ü x ü y ü z",
];

#[test]
fn names_come_back_as_they_went_in() {
    for name in NAMES {
        let mail = compose(&named(name));
        let parsed = parse(&mail);
        let from = parsed.from().and_then(|from| from.first()).unwrap();
        let to = parsed.to().and_then(|to| to.first()).unwrap();
        let normalised: DisplayName = name.parse().unwrap();
        assert_eq!(from.name(), Some(normalised.as_str()));
        assert_eq!(to.name(), Some(normalised.as_str()));
        assert_eq!(from.address(), Some("no-reply@acme.example"));
        assert_eq!(to.address(), Some("ada@customer.example"));
    }
}

#[test]
fn subjects_come_back_as_they_went_in() {
    for subject in SUBJECTS {
        let mail = compose(&with_subject(subject));
        assert_eq!(parse(&mail).subject(), Some(subject));
        assert_sound(&mail);
    }
}

#[test]
fn a_text_comes_back_line_by_line() {
    let text = "first\n\n.a dot begins this line\nFrom here\n  indented, blanks at the end  \nlong ".to_owned()
        + &"ü".repeat(2000)
        + "\n=3D is not =\n--=_0198a5c5000070008000000000000002--\nlast";
    let mail = compose(&system_text(&text));
    assert_sound(&mail);
    let parsed = parse(&mail);
    assert!(parsed.body_text(0).unwrap().replace("\r\n", "\n").starts_with(&text));
    assert_eq!(parsed.text_body_count() + parsed.html_body_count(), 2);
}

#[test]
fn a_text_of_a_mebibyte_is_composed_too() {
    let mail = compose(&system_text(&"a line of text\n".repeat(60_000)));
    assert_sound(&mail);
}

fn named(name: &str) -> Job {
    Job {
        from: from(name),
        recipient: Recipient {
            email: "ada@customer.example".parse().unwrap(),
            name: Some(name.parse().unwrap()),
        },
        ..code()
    }
}

fn system_text(text: &str) -> Job {
    job(Content::System(System {
        body_text: text.to_owned(),
        ..announcement()
    }))
}

/// Only CRLF ends lines, none is longer than 998 octets, nothing is NUL.
fn assert_sound(mail: &WireMessage) {
    let text = String::from_utf8(mail.bytes.clone()).unwrap();
    let without_ends = text.replace("\r\n", "");
    assert!(!without_ends.contains(['\r', '\n', '\0']));
    assert!(text.ends_with("\r\n"));
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_is_a_name_survives(name in "\\PC{1,64}") {
        prop_assume!(name.parse::<DisplayName>().is_ok());
        let wanted: DisplayName = name.parse().unwrap();
        let mail = compose(&named(&name));
        assert_sound(&mail);
        let parsed = parse(&mail);
        let from = parsed.from().and_then(|from| from.first()).and_then(|from| from.name());
        prop_assert_eq!(from, Some(wanted.as_str()));
    }

    #[test]
    fn whatever_is_a_subject_survives(subject in "[!-~ü-ÿ一-丐][ -~ü-ÿ一-丐]{0,200}[!-~ü-ÿ一-丐]") {
        let mail = compose(&with_subject(&subject));
        assert_sound(&mail);
        let parsed = parse(&mail);
        prop_assert_eq!(parsed.subject(), Some(subject.as_str()));
    }

    #[test]
    fn whatever_is_a_text_makes_a_sound_mail(text in "(\\PC|[\r\n\t.=]){1,400}") {
        prop_assume!(parse_text(&text, 1_000_000).is_ok());
        assert_sound(&compose(&system_text(&text)));
    }

    #[test]
    fn even_what_no_parser_admits_cannot_add_a_header(subject in "(\r|\n|\0|Bcc: x@y.example|[ -~]){1,60}") {
        let mail = compose(&with_subject(&subject));
        assert_sound(&mail);
        prop_assert!(parse(&mail).bcc().is_none());
    }
}
