//! Headers and envelope, kind by kind.

use domain::{
    branding::EffectiveFrom,
    message::{
        Recipient,
        kind::{AccessRequest, Content},
    },
    outbox::Job,
};
use relay::compose::ComposeError;

use crate::sample::{
    access_request, code, compose, composer, from, job, notification, own_server, parse, request, system,
};

fn header(job: &Job, name: &'static str) -> Option<String> {
    let mail = compose(job);
    parse(&mail).header_raw(name).map(|value| value.trim().to_owned())
}

#[test]
fn every_kind_says_that_no_person_wrote_it() {
    for job in [code(), access_request(), notification(), system()] {
        assert_eq!(header(&job, "Auto-Submitted").as_deref(), Some("auto-generated"));
        assert_eq!(
            header(&job, "X-Auto-Response-Suppress").as_deref(),
            Some("OOF, AutoReply")
        );
    }
}

#[test]
fn date_and_message_id_are_those_of_acceptance() {
    assert_eq!(
        header(&code(), "Date").as_deref(),
        Some("Mon, 24 Nov 2025 14:00:00 +0000")
    );
    assert_eq!(
        header(&code(), "Message-ID").as_deref(),
        Some("<0198a5c5-0000-7000-8000-000000000002@acme.example>")
    );
}

#[test]
fn every_attempt_gives_the_same_octets() {
    let composer = composer();
    let again = Job { attempt: 2, ..code() };
    assert_eq!(composer.compose(&code()).unwrap(), composer.compose(&again).unwrap());
}

#[test]
fn codes_are_not_threaded_and_requests_are() {
    assert_eq!(
        header(&code(), "X-Entity-Ref-ID").as_deref(),
        Some("0198a5c5-0000-7000-8000-000000000002")
    );
    assert_eq!(header(&code(), "References"), None);
    assert_eq!(
        header(&access_request(), "References").as_deref(),
        Some("<access-request.0198a5c5-0000-7000-8000-000000000003@acme.example>")
    );
    assert_eq!(header(&access_request(), "X-Entity-Ref-ID"), None);
}

#[test]
fn codes_and_requests_cannot_be_unsubscribed() {
    assert_eq!(header(&code(), "List-Unsubscribe"), None);
    assert_eq!(header(&access_request(), "List-Unsubscribe"), None);
}

#[test]
fn feedback_id_names_neither_the_tenant_nor_the_reader() {
    let feedback = header(&code(), "Feedback-ID").unwrap();
    assert!(feedback.starts_with("two_factor_code:"), "{feedback}");
    assert!(feedback.ends_with(":shared:letterhead"), "{feedback}");
    assert!(!feedback.contains("0198a5c5") && !feedback.contains('@'), "{feedback}");
}

#[test]
fn a_rewritten_from_leads_replies_to_the_tenant() {
    let rewritten = Job {
        from: EffectiveFrom {
            reply_to: Some("it@acme.example".parse().unwrap()),
            ..from("Acme via Letterhead")
        },
        ..code()
    };
    assert_eq!(header(&rewritten, "Reply-To").as_deref(), Some("it@acme.example"));
    assert_eq!(
        header(&rewritten, "From").as_deref(),
        Some("Acme via Letterhead <no-reply@acme.example>")
    );
    assert_eq!(header(&code(), "Reply-To"), None);
}

#[test]
fn bounces_go_to_the_provider_over_the_shared_relay_and_to_the_tenant_over_its_own_server() {
    assert_eq!(
        compose(&code()).envelope.reverse_path.to_string(),
        "bounces@relay.example"
    );
    let own = Job {
        path: own_server(),
        ..code()
    };
    let envelope = compose(&own).envelope;
    assert_eq!(envelope.reverse_path.to_string(), "no-reply@acme.example");
    assert_eq!(envelope.forward_path.to_string(), "ada@customer.example");
}

#[test]
fn a_local_part_beyond_ascii_stands_in_utf8_and_asks_for_smtputf8() {
    let job = Job {
        recipient: Recipient {
            email: "jörg@bücher.example".parse().unwrap(),
            name: None,
        },
        ..code()
    };
    let mail = compose(&job);
    assert!(mail.needs_smtputf8() && mail.is_eight_bit());
    let parsed = parse(&mail);
    let to = parsed.to().and_then(|to| to.first()).and_then(|to| to.address());
    assert_eq!(to, Some("jörg@xn--bcher-kva.example"));
}

#[test]
fn an_idn_domain_alone_asks_for_nothing() {
    let job = Job {
        recipient: Recipient {
            email: "ada@bücher.example".parse().unwrap(),
            name: Some("Jörg".parse().unwrap()),
        },
        ..code()
    };
    let mail = compose(&job);
    assert!(!mail.needs_smtputf8() && !mail.is_eight_bit());
}

#[test]
fn a_request_without_duration_or_review_page_leaves_no_gap() {
    let content = Content::AccessRequest(AccessRequest {
        duration: None,
        review_url: None,
        ..request()
    });
    let mail = compose(&job(content));
    let parsed = parse(&mail);
    assert_eq!(parsed.subject(), Some("Access request: Bob → Oracle root"));
    let text = parsed.body_text(0).unwrap();
    assert!(!text.contains("For:") && !text.contains("Details"), "{text}");
}

#[test]
fn a_message_id_that_is_none_is_an_outcome_and_not_a_mail() {
    let job = Job {
        message_id_header: "x>\r\nBcc: v@x.example\r\n<y@z.example".to_owned(),
        ..code()
    };
    assert!(matches!(
        composer().compose(&job),
        Err(ComposeError::Header("Message-ID"))
    ));
}
