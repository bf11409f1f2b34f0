//! What a test says of a session at Microsoft, and of one without end.

use domain::{clock::from_millis, connection::Credentials, secret::secret_text};

use super::*;

fn microsoft() -> SmtpServer {
    SmtpServer {
        host: "smtp.office365.com".parse().unwrap(),
        port: 587,
        security: Security::StartTls,
        credentials: Some(Credentials {
            username: "pam@globex.example".to_owned(),
            proof: Proof::Password(secret_text("correct horse")),
        }),
        ca_certificate_pem: None,
    }
}

#[test]
fn a_password_at_microsoft_works_and_is_warned_of() {
    let server = microsoft();
    let mut record = Record::of(&server, from_millis(0), Reader::Owner);
    let mut teller = Teller::default();
    for stage in [Stage::Greeting, Stage::Tls, Stage::Authenticate, Stage::MailFrom] {
        record.note(Sight::Entered(stage, Instant::now()), &mut teller);
    }
    let step = record
        .steps
        .iter()
        .find(|step| step.name == StepName::Authenticate)
        .unwrap();
    assert_eq!(step.status, StepStatus::Warning);
    assert!(
        step.detail.contains("December 2026") && step.detail.contains("O365"),
        "{}",
        step.detail
    );
}

#[test]
fn a_conversation_without_end_is_cut() {
    let server = microsoft();
    let mut record = Record::of(&server, from_millis(0), Reader::Owner);
    let reply = WireReply {
        code: 250,
        lines: vec!["x".repeat(1000); 100],
        discretion: crate::redact::Discretion::default(),
    };
    for _ in 0..10 {
        record.note(Sight::Heard(reply.clone()), &mut Teller::default());
    }
    assert_eq!(record.transcript.len(), LINES);
    assert!(record.transcript.iter().all(|line| line.chars().count() <= LINE + 4));
}
