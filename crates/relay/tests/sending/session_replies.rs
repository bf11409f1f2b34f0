//! What a session says and what it believes: the happy path, refusals, lies, floods.

use std::{collections::BTreeSet, time::Duration};

use domain::reply::Stage;
use relay::{
    inbox::{Behaviour, Extension, FloodOf, Inbox, InboxConfig, Script, Step},
    session::{Failed, Recovery, SessionFailure, Timeouts, Unmarked},
    wire_form::WireFault,
};

use crate::sample::{PATIENCE, dialer, inbox, mail, mail_of, send_to, server};

fn reply(text: &str) -> Behaviour {
    Behaviour::Reply(text.to_owned())
}

async fn failure_of(step: Step, behaviour: Behaviour) -> Failed {
    let inbox = inbox(Script::new().at(step, [behaviour])).await;
    send_to(&inbox, Timeouts::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_message_arrives_octet_for_octet_over_a_pipelined_session() {
    let inbox = inbox(Script::new()).await;

    let accepted = send_to(&inbox, Timeouts::default()).await.unwrap();

    assert_eq!(accepted.code, 250);
    let messages = inbox.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!(messages[0].data, mail().bytes);
    assert_eq!(messages[0].reverse_path, "bounces@relay.example");
    assert_eq!(messages[0].forward_paths, ["bob@b.example"]);
    assert_eq!(
        inbox.commands(),
        [
            "EHLO relay.example",
            "MAIL FROM:<bounces@relay.example> SIZE=30",
            "RCPT TO:<bob@b.example>",
            "DATA",
        ]
    );
}

#[tokio::test]
async fn a_long_text_full_of_dots_arrives_octet_for_octet() {
    let inbox = inbox(Script::new()).await;
    let mut session = dialer().open(&server(inbox.addr())).await.unwrap();
    let text = [b"a: b\r\n\r\n".to_vec(), b".\r\n..\r\n.x\r\n\r\n".repeat(200_000)].concat();

    session.send(&mail_of(&text), &Unmarked).await.unwrap();

    assert!(inbox.messages()[0].data == text);
}

#[tokio::test]
async fn a_server_without_extensions_is_spoken_to_in_turn() {
    let config = InboxConfig {
        extensions: BTreeSet::new(),
        ..InboxConfig::default()
    };
    let inbox = Inbox::start(config).await.unwrap();

    send_to(&inbox, Timeouts::default()).await.unwrap();

    assert_eq!(inbox.commands()[1], "MAIL FROM:<bounces@relay.example>");
    assert_eq!(inbox.received(), 1);
}

#[tokio::test]
async fn a_refusal_is_told_with_its_stage_and_its_reply() {
    for (step, text, stage, code) in [
        (Step::Greeting, "554 5.3.2 closed", Stage::Greeting, 554),
        (Step::Greeting, "421 4.3.2 later", Stage::Greeting, 421),
        (Step::Ehlo, "502 5.5.1 what", Stage::Greeting, 502),
        (Step::Mail, "550 5.7.1 sender", Stage::MailFrom, 550),
        (Step::Mail, "421 4.3.2 later", Stage::MailFrom, 421),
        (Step::Rcpt, "550 5.1.1 unknown", Stage::RcptTo, 550),
        (Step::Rcpt, "451 4.7.1 greylisted", Stage::RcptTo, 451),
        (Step::Data, "452 4.3.1 full", Stage::Data, 452),
        (Step::Dot, "554 5.7.1 spam", Stage::Dot, 554),
        (Step::Dot, "421 4.3.2 later", Stage::Dot, 421),
    ] {
        let failed = failure_of(step, reply(text)).await;
        assert_eq!(failed.stage, stage, "{text}");
        assert_eq!(failed.reply().unwrap().code, code, "{text}");
        assert!(matches!(failed.failure, SessionFailure::Refused(_)), "{text}");
    }
}

#[tokio::test]
async fn a_refusal_in_turn_is_told_with_its_stage_too() {
    for (step, stage) in [
        (Step::Mail, Stage::MailFrom),
        (Step::Rcpt, Stage::RcptTo),
        (Step::Data, Stage::Data),
    ] {
        let config = InboxConfig {
            extensions: BTreeSet::new(),
            script: Script::new().at(step, [reply("550 5.0.0 no")]),
            ..InboxConfig::default()
        };
        let inbox = Inbox::start(config).await.unwrap();
        let failed = send_to(&inbox, Timeouts::default()).await.unwrap_err();
        assert_eq!(failed.stage, stage);
    }
}

#[tokio::test]
async fn a_positive_reply_that_does_not_fit_is_no_success() {
    for (step, text, stage) in [
        (Step::Greeting, "250 hello", Stage::Greeting),
        (Step::Mail, "354 go ahead", Stage::MailFrom),
        (Step::Rcpt, "354 go ahead", Stage::RcptTo),
        (Step::Data, "250 2.0.0 taken", Stage::Data),
        (Step::Dot, "354 go ahead", Stage::Dot),
        (Step::Dot, "251 2.0.0 taken", Stage::Dot),
    ] {
        let failed = failure_of(step, reply(text)).await;
        assert_eq!(failed.stage, stage, "{text}");
        assert!(matches!(failed.failure, SessionFailure::Unexpected(_)), "{text}");
    }
}

#[tokio::test]
async fn a_250_that_comes_before_the_dot_is_not_believed() {
    let lie = Behaviour::LeftOver(b"250 2.0.0 taken\r\n".to_vec());
    let failed = failure_of(Step::Data, lie).await;
    assert_eq!(failed.stage, Stage::Data);
    assert!(matches!(failed.failure, SessionFailure::ProtocolViolation(_)));
}

#[tokio::test]
async fn what_is_not_smtp_ends_the_session_and_nothing_else() {
    for octets in [
        &b"hello there\r\n"[..],
        b"250 bare\n",
        b"\0\0\0\0\r\n",
        b"250-a\r\n550 b\r\n",
        b"999 x\r\n",
    ] {
        let failed = failure_of(Step::Mail, Behaviour::Garbage(octets.to_vec())).await;
        assert_eq!(failed.stage, Stage::MailFrom);
        assert!(
            matches!(failed.failure, SessionFailure::ProtocolViolation(_)),
            "{octets:?}"
        );
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_does_not_hide_the_code() {
    let failed = failure_of(Step::Rcpt, Behaviour::Garbage(b"550 5.1.1 gel\xf6scht\r\n".to_vec())).await;
    let reply = failed.reply().unwrap();
    assert_eq!(reply.code, 550);
    assert_eq!(reply.enhanced.unwrap().to_string(), "5.1.1");
}

#[tokio::test]
async fn blank_lines_in_the_answer_to_ehlo_do_no_harm() {
    let inbox = inbox(Script::new().at(Step::Ehlo, [reply("250-mx\r\n250- \r\n250  ")])).await;
    send_to(&inbox, Timeouts::default()).await.unwrap();
}

#[tokio::test]
async fn a_reply_of_more_than_100_lines_or_64_kib_ends_the_session() {
    for flood in [FloodOf::Lines(101), FloodOf::Octets(70_000), FloodOf::Endless] {
        let failed = failure_of(Step::Rcpt, Behaviour::Flood(flood)).await;
        assert_eq!(failed.stage, Stage::RcptTo, "{flood:?}");
        assert!(
            matches!(failed.failure, SessionFailure::ProtocolViolation(_)),
            "{flood:?}"
        );
    }
}

#[tokio::test]
async fn a_long_reply_within_the_bounds_is_read() {
    let inbox = inbox(Script::new().at(Step::Dot, [Behaviour::Flood(FloodOf::Lines(99))])).await;
    assert_eq!(send_to(&inbox, Timeouts::default()).await.unwrap().code, 250);
}

#[tokio::test]
async fn a_server_that_drips_is_waited_for() {
    let every = Duration::from_millis(1);
    let script = [
        Step::Greeting,
        Step::Ehlo,
        Step::Mail,
        Step::Rcpt,
        Step::Data,
        Step::Dot,
    ]
    .into_iter()
    .fold(Script::new(), |script, step| {
        script.at(step, [Behaviour::Drip { every }])
    });
    let inbox = inbox(script).await;
    assert_eq!(send_to(&inbox, Timeouts::default()).await.unwrap().code, 250);
}

#[tokio::test]
async fn after_a_refused_recipient_the_session_takes_the_next_message() {
    let inbox = inbox(Script::new().at(Step::Rcpt, [reply("550 5.1.1 unknown")])).await;
    let mut session = dialer().open(&server(inbox.addr())).await.unwrap();

    session.send(&mail(), &Unmarked).await.unwrap_err();
    assert!(!session.is_ready());
    assert_eq!(session.recover().await, Recovery::Ready);
    session.send(&mail(), &Unmarked).await.unwrap();

    assert_eq!(inbox.received(), 1);
    assert!(inbox.commands().contains(&"RSET".to_owned()));
}

#[tokio::test]
async fn a_refused_recipient_with_a_354_behind_it_ends_the_session() {
    let script = Script::new().at(
        Step::Rcpt,
        [Behaviour::Garbage(b"550 5.1.1 unknown\r\n354 go\r\n".to_vec())],
    );
    let inbox = inbox(script).await;
    let mut session = dialer().open(&server(inbox.addr())).await.unwrap();

    let failed = session.send(&mail(), &Unmarked).await.unwrap_err();

    assert_eq!(failed.stage, Stage::RcptTo);
    assert_eq!(session.recover().await, Recovery::Broken);
    assert_eq!(inbox.received(), 0);
}

#[tokio::test]
async fn a_message_refused_at_the_dot_leaves_the_session_ready() {
    let inbox = inbox(Script::new().at(Step::Dot, [reply("554 5.6.0 content")])).await;
    let mut session = dialer().open(&server(inbox.addr())).await.unwrap();

    session.send(&mail(), &Unmarked).await.unwrap_err();

    assert!(session.is_ready());
    session.send(&mail(), &Unmarked).await.unwrap();
}

#[tokio::test]
async fn a_text_that_servers_could_disagree_about_is_never_offered() {
    let inbox = inbox(Script::new()).await;
    let mut session = dialer().open(&server(inbox.addr())).await.unwrap();
    for (text, why) in [
        (&b"a: b\r\n\r\nx\n.\nMAIL FROM:<x@y>\r\n"[..], WireFault::BareLf),
        (b"a: b\r\n\r\nx\r.\r\r\n", WireFault::BareCr),
        (b"a: b\r\n\r\n\0\r\n", WireFault::Nul),
    ] {
        let failed = session.send(&mail_of(text), &Unmarked).await.unwrap_err();
        assert_eq!(failed.failure, SessionFailure::Unfit(why));
        assert!(session.is_ready());
    }
    assert_eq!(inbox.commands(), ["EHLO relay.example"]);
}

#[tokio::test]
async fn an_extension_that_is_needed_is_used_or_the_message_refused() {
    let mut utf8 = mail_of("To: jörg@b.example\r\n\r\nx\r\n".as_bytes());
    utf8.envelope.forward_path = "jörg@b.example".parse().unwrap();

    let capable = inbox(Script::new()).await;
    let mut session = dialer().open(&server(capable.addr())).await.unwrap();
    session.send(&utf8, &Unmarked).await.unwrap();
    assert!(capable.commands()[1].ends_with("BODY=8BITMIME SMTPUTF8"));

    for (offered, failure) in [
        (Extension::EightBitMime, SessionFailure::SmtpUtf8NotOffered),
        (Extension::SmtpUtf8, SessionFailure::EightBitMimeNotOffered),
    ] {
        let config = InboxConfig {
            extensions: BTreeSet::from([offered]),
            ..InboxConfig::default()
        };
        let incapable = Inbox::start(config).await.unwrap();
        let mut session = dialer().open(&server(incapable.addr())).await.unwrap();
        let failed = session.send(&utf8, &Unmarked).await.unwrap_err();
        assert_eq!(failed.failure, failure);
        assert!(session.is_ready());
    }
}
