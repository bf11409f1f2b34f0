//! Replies at each stage, and whom they are held against.

use proptest::prelude::*;

use super::*;

fn verdict(stage: Stage, code: u16, text: &str) -> Verdict {
    classify(stage, &Reply::new(code, text))
}

#[test]
fn nothing_before_mail_bounces_a_recipient() {
    for stage in [Stage::Connect, Stage::Greeting, Stage::Tls, Stage::Authenticate] {
        assert_eq!(verdict(stage, 554, "5.7.1 no"), Verdict::Misconfigured);
        assert_eq!(verdict(stage, 454, "4.7.0 later"), Verdict::RouteDeferred);
    }
    assert_eq!(verdict(Stage::MailFrom, 550, "5.1.1 sender"), Verdict::Misconfigured);
}

#[test]
fn only_an_address_that_does_not_exist_is_suppressed() {
    assert_eq!(
        verdict(Stage::RcptTo, 550, "5.1.1 unknown"),
        Verdict::Bounced(Suppress::Yes)
    );
    assert_eq!(
        verdict(Stage::RcptTo, 550, "5.1.10 null MX"),
        Verdict::Bounced(Suppress::Yes)
    );
    assert_eq!(
        verdict(Stage::RcptTo, 550, "5.7.1 policy"),
        Verdict::Bounced(Suppress::No)
    );
    assert_eq!(
        verdict(Stage::RcptTo, 552, "5.2.2 full"),
        Verdict::Deferred(Patience::Schedule)
    );
    assert_eq!(
        verdict(Stage::RcptTo, 550, "no such user"),
        Verdict::Bounced(Suppress::Yes)
    );
    assert_eq!(
        verdict(Stage::Dot, 554, "5.6.0 content"),
        Verdict::Bounced(Suppress::No)
    );
}

#[test]
fn a_message_that_is_too_large_bounces_wherever_that_is_said() {
    for (stage, text) in [
        (Stage::MailFrom, "5.3.4 too big"),
        (Stage::MailFrom, "too big"),
        (Stage::Dot, "5.3.4 too big"),
    ] {
        assert_eq!(verdict(stage, 552, text), Verdict::Bounced(Suppress::No), "{text}");
    }
    assert_eq!(
        verdict(Stage::MailFrom, 452, "4.3.1 storage"),
        Verdict::Deferred(Patience::Schedule)
    );
}

#[test]
fn a_mailbox_that_is_full_may_empty() {
    for text in ["5.2.2 full", "full"] {
        assert_eq!(
            verdict(Stage::RcptTo, 552, text),
            Verdict::Deferred(Patience::Schedule),
            "{text}"
        );
    }
}

#[test]
fn greylisting_waits_five_minutes_and_storage_the_schedule() {
    assert_eq!(
        verdict(Stage::RcptTo, 450, "4.2.0 greylisted"),
        Verdict::Deferred(Patience::Greylisted)
    );
    assert_eq!(
        verdict(Stage::RcptTo, 451, "4.7.1 try later"),
        Verdict::Deferred(Patience::Greylisted)
    );
    assert_eq!(
        verdict(Stage::RcptTo, 452, "4.3.1 storage"),
        Verdict::Deferred(Patience::Schedule)
    );
}

#[test]
fn a_421_is_the_connections_end_and_after_the_dot_a_doubt() {
    assert_eq!(verdict(Stage::RcptTo, 421, "4.3.2 closing"), Verdict::RouteDeferred);
    assert_eq!(verdict(Stage::Dot, 421, "4.3.2 closing"), Verdict::OutcomeUnknown);
}

#[test]
fn an_enhanced_code_of_another_class_or_shape_is_ignored() {
    assert_eq!(Reply::new(550, "4.1.1 lies").enhanced, None);
    assert_eq!(Reply::new(550, "5.1.1111 x").enhanced, None);
    assert_eq!(Reply::new(550, "5.1 x").enhanced, None);
    assert_eq!(Reply::new(250, "2.0.0 Ok: queued").text, "Ok: queued");
}

proptest! {
    #[test]
    fn any_reply_text_is_kept_printable_and_short(code in 200_u16..600, text in "\\PC*|[\\x00-\\x7f]{0,900}") {
        let reply = Reply::new(code, &text);
        prop_assert!(reply.text.len() <= MAX_REPLY_TEXT);
        prop_assert!(!reply.text.chars().any(char::is_control));
        for stage in [Stage::Greeting, Stage::MailFrom, Stage::RcptTo, Stage::Data, Stage::Dot] {
            let _ = classify(stage, &reply);
        }
    }
}
