//! Headers, kind by kind.

use domain::{
    message::kind::{AccessRequest, Content},
    outbox::Job,
};
use relay::compose::ComposeError;

use crate::sample::{access_request, code, compose, composer, job, notification, parse, request, system};

pub(crate) fn header(job: &Job, name: &'static str) -> Option<String> {
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
