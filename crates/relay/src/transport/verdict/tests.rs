//! Who pays for a failure, stage by stage.

use domain::reply::Reply;

use super::*;

fn judged(stage: Stage, failure: SessionFailure) -> Consequence {
    consequence(&Failed {
        stage,
        failure,
        tls_version: None,
        stages: Vec::new(),
    })
}

fn refused(stage: Stage, code: u16, text: &str) -> Consequence {
    judged(stage, SessionFailure::Refused(Reply::new(code, text)))
}

#[test]
fn a_wrong_password_is_never_the_recipients_fault() {
    assert_eq!(
        refused(Stage::Authenticate, 535, "5.7.8 no"),
        Consequence::Elsewhere(RouteFault::Misconfigured)
    );
    assert_eq!(
        refused(Stage::MailFrom, 550, "5.1.1 sender"),
        Consequence::Elsewhere(RouteFault::Misconfigured)
    );
}

#[test]
fn a_refused_recipient_is_not_offered_elsewhere() {
    assert_eq!(
        refused(Stage::RcptTo, 550, "5.1.1 unknown"),
        Consequence::Decided(Decision::Bounced(Suppress::Yes))
    );
    assert_eq!(
        refused(Stage::RcptTo, 451, "4.7.1 greylisted"),
        Consequence::Decided(Decision::Deferred(Patience::Greylisted))
    );
}

#[test]
fn behind_the_dot_only_a_plain_answer_leaves_no_doubt() {
    let unknown = Consequence::Decided(Decision::Unknown);
    assert_eq!(judged(Stage::Dot, SessionFailure::ConnectionClosed), unknown);
    assert_eq!(judged(Stage::Dot, SessionFailure::ConnectionTimeout), unknown);
    assert_eq!(
        judged(Stage::Dot, SessionFailure::ProtocolViolation("x".into())),
        unknown
    );
    assert_eq!(
        judged(Stage::Dot, SessionFailure::Unexpected(Reply::new(354, "go"))),
        unknown
    );
    assert_eq!(refused(Stage::Dot, 421, "4.3.2 bye"), unknown);
    assert_eq!(
        refused(Stage::Dot, 554, "5.7.1 policy"),
        Consequence::Decided(Decision::Bounced(Suppress::No))
    );
    assert_eq!(
        judged(Stage::Data, SessionFailure::ConnectionClosed),
        Consequence::Elsewhere(RouteFault::Failing)
    );
}

#[test]
fn one_route_that_may_recover_outweighs_a_misconfigured_one() {
    let worst = [RouteFault::Misconfigured, RouteFault::Failing, RouteFault::Lacking]
        .into_iter()
        .max();
    assert_eq!(worst, Some(RouteFault::Failing));
}
