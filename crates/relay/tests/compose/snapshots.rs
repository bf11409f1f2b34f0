//! Whole mails, as they go over the wire: whoever changes one sees what every reader will see.

use domain::{
    message::kind::{Content, System},
    outbox::Job,
};
use insta::assert_snapshot;

use crate::sample::{access_request, announcement, code, compose, in_german, job, notification, system};

/// The wire form with plain line ends, for the sake of the files.
fn wire(job: &Job) -> String {
    String::from_utf8(compose(job).bytes).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_two_factor_code() {
    assert_snapshot!("two_factor_code.en", wire(&code()));
    assert_snapshot!("two_factor_code.de", wire(&in_german(code())));
}

#[test]
fn an_access_request() {
    assert_snapshot!("access_request.en", wire(&access_request()));
    assert_snapshot!("access_request.de", wire(&in_german(access_request())));
}

#[test]
fn a_notification() {
    assert_snapshot!("notification.en", wire(&notification()));
    assert_snapshot!("notification.de", wire(&in_german(notification())));
}

#[test]
fn a_system_mail() {
    assert_snapshot!("system.en", wire(&system()));
    assert_snapshot!("system.de", wire(&in_german(system())));
}

#[test]
fn a_system_mail_with_html_of_its_own() {
    let content = Content::System(System {
        body_html: Some("<h1>Maintenance</h1><p onclick=\"x()\">We <b>move</b>.</p>".to_owned()),
        ..announcement()
    });
    assert_snapshot!("system.html", wire(&job(content)));
}
