//! The rules by value: each way of sending, each thing that can be seen of it.

use chrono::Duration;
use uuid::Uuid;

use super::*;
use crate::{
    branding::{Branding, EffectiveFrom},
    clock::from_millis,
    connection::{Application, Cloud, Credentials, O365, Proof, Security, SmtpServer},
    ids::VaultSecretId,
    reply::Stage,
    secret::secret_text,
};

fn noon() -> Timestamp {
    from_millis(1_767_268_800_000)
}

fn branding() -> Branding {
    Branding {
        from_address: "pam@globex.example".parse().unwrap(),
        from_name: None,
    }
}

fn server(security: Security, username: Option<&str>) -> SmtpServer {
    SmtpServer {
        host: "smtp.mailer.example".parse().unwrap(),
        port: 587,
        security,
        credentials: username.map(|username| Credentials {
            username: username.to_owned(),
            proof: Proof::Password(secret_text("x")),
        }),
        ca_certificate_pem: None,
    }
}

fn own(connection: Connection) -> EmailSettings {
    EmailSettings::OnPremises {
        branding: Some(branding()),
        connection: Some(connection),
    }
}

fn smtp(security: Security) -> EmailSettings {
    own(Connection::Smtp(server(security, Some("pam"))))
}

fn o365() -> EmailSettings {
    own(Connection::O365(O365 {
        secret: VaultSecretId::new(Uuid::from_u128(7)),
        application: Application {
            client_id: Uuid::from_u128(8),
            client_secret: secret_text("x"),
            directory: "globex.example".parse().unwrap(),
        },
        cloud: Cloud::Global,
        save_to_sent_items: false,
    }))
}

fn cloud() -> EmailSettings {
    EmailSettings::Cloud { branding: branding() }
}

fn nothing() -> EmailSettings {
    EmailSettings::OnPremises {
        branding: None,
        connection: None,
    }
}

fn facts(settings: &EmailSettings) -> Facts<'_> {
    Facts {
        now: noon(),
        settings,
        from: Some(EffectiveFrom::on_premises(&branding())),
        observed: None,
        taken_at: None,
        credential: Credential::default(),
        tested: Tested::No,
        codes: Codes::None,
        approvals: Approvals::None,
    }
}

fn observed(settings: &EmailSettings, seen: Seen) -> Facts<'_> {
    Facts {
        observed: Some(Observation { at: noon(), seen }),
        ..facts(settings)
    }
}

fn status(item: Item, facts: &Facts<'_>) -> Status {
    item.judge(facts).status
}

#[test]
fn require_smtp_ssl_follows_the_security_that_is_set() {
    for (settings, expected) in [
        (cloud(), Status::NotApplicable),
        (nothing(), Status::Unknown),
        (o365(), Status::Pass),
        (smtp(Security::ImplicitTls), Status::Pass),
        (smtp(Security::StartTls), Status::Pass),
        (smtp(Security::StartTlsOptional), Status::Warning),
        (smtp(Security::None), Status::Fail),
    ] {
        assert_eq!(
            status(Item::RequireSmtpSsl, &facts(&settings)),
            expected,
            "{settings:?}"
        );
    }
}

#[test]
fn a_certificate_is_as_good_as_it_was_last_seen() {
    let encrypted = || Seen::Encrypted("TLSv1.3".to_owned());
    let failed = || Seen::Failed("The server's certificate is not valid: expired.".to_owned());
    for (settings, seen, expected) in [
        (smtp(Security::StartTls), encrypted(), Status::Pass),
        (smtp(Security::StartTls), failed(), Status::Fail),
        (smtp(Security::StartTlsOptional), Seen::Clear, Status::Warning),
        (smtp(Security::None), Seen::Clear, Status::Fail),
        (o365(), Seen::Graph, Status::Pass),
        (o365(), failed(), Status::Fail),
        (cloud(), encrypted(), Status::NotApplicable),
    ] {
        assert_eq!(
            status(Item::CertificateVerified, &observed(&settings, seen)),
            expected,
            "{settings:?}"
        );
    }
    let (untried, optional) = (smtp(Security::StartTls), smtp(Security::StartTlsOptional));
    let tested = |settings| Facts {
        tested: Tested::Lately,
        ..facts(settings)
    };
    assert_eq!(status(Item::CertificateVerified, &facts(&untried)), Status::Unknown);
    assert_eq!(status(Item::CertificateVerified, &tested(&untried)), Status::Pass);
    assert_eq!(status(Item::CertificateVerified, &tested(&optional)), Status::Unknown);
}

#[test]
fn a_server_that_knows_nobody_and_one_whose_time_is_over_are_warned_of() {
    let mut microsoft = server(Security::StartTls, Some("pam@globex.example"));
    microsoft.host = "smtp.office365.com".parse().unwrap();
    let mut alike = server(Security::StartTls, Some("pam"));
    alike.host = "notoffice365.com".parse().unwrap();
    for (settings, expected) in [
        (smtp(Security::StartTls), Status::Pass),
        (own(Connection::Smtp(server(Security::StartTls, None))), Status::Warning),
        (own(Connection::Smtp(microsoft)), Status::Warning),
        (own(Connection::Smtp(alike)), Status::Pass),
        (o365(), Status::Pass),
        (cloud(), Status::NotApplicable),
    ] {
        assert_eq!(
            status(Item::Authentication, &facts(&settings)),
            expected,
            "{settings:?}"
        );
    }
}

#[test]
fn clear_text_is_what_can_happen_and_what_did() {
    let optional = smtp(Security::StartTlsOptional);
    let encrypted = observed(&optional, Seen::Encrypted("TLSv1.2".to_owned()));
    assert_eq!(status(Item::NoClearText, &encrypted), Status::Warning);
    assert_eq!(status(Item::NoClearText, &facts(&optional)), Status::Warning);
    assert_eq!(
        status(Item::NoClearText, &observed(&optional, Seen::Clear)),
        Status::Fail
    );
    assert_eq!(status(Item::NoClearText, &facts(&smtp(Security::None))), Status::Fail);
    assert_eq!(
        status(Item::NoClearText, &facts(&smtp(Security::StartTls))),
        Status::Pass
    );
    assert_eq!(status(Item::NoClearText, &facts(&o365())), Status::Pass);
}

#[test]
fn secrets_grow_old_after_a_year_and_end_when_they_end() {
    let settings = o365();
    let dated = |given_days_ago, ends_in_days| Facts {
        credential: Credential {
            given_at: Some(noon() - Duration::days(given_days_ago)),
            expires_at: Some(noon() + Duration::days(ends_in_days)),
        },
        ..facts(&settings)
    };
    assert_eq!(status(Item::SecretAge, &dated(365, 90)), Status::Pass);
    assert_eq!(status(Item::SecretAge, &dated(366, 90)), Status::Warning);
    assert_eq!(status(Item::SecretAge, &facts(&settings)), Status::Unknown);
    assert_eq!(status(Item::SecretExpiry, &dated(1, 31)), Status::Pass);
    assert_eq!(status(Item::SecretExpiry, &dated(1, 30)), Status::Warning);
    assert_eq!(status(Item::SecretExpiry, &dated(1, 0)), Status::Fail);
    assert_eq!(status(Item::SecretExpiry, &facts(&settings)), Status::Unknown);
    assert_eq!(
        status(Item::SecretExpiry, &facts(&smtp(Security::StartTls))),
        Status::NotApplicable
    );
    let nobody = own(Connection::Smtp(server(Security::StartTls, None)));
    assert_eq!(status(Item::SecretAge, &facts(&nobody)), Status::NotApplicable);
}

#[test]
fn a_from_domain_is_aligned_where_the_server_or_the_account_is_of_it() {
    for (host, username, expected) in [
        ("smtp.mailer.example", Some("pam@globex.example"), Status::Pass),
        ("smtp.mailer.example", Some("pam@mail.globex.example"), Status::Pass),
        ("smtp.globex.example", Some("pam"), Status::Pass),
        ("smtp.globex.example", None, Status::Pass),
        ("smtp.mailer.example", Some("pam@initech.example"), Status::Warning),
        ("smtp.notglobex.example", Some("pam"), Status::Unknown),
        ("10.0.0.1", None, Status::Unknown),
    ] {
        let mut server = server(Security::StartTls, username);
        server.host = host.parse().unwrap();
        let settings = own(Connection::Smtp(server));
        assert_eq!(
            status(Item::FromDomainAlignment, &facts(&settings)),
            expected,
            "{host} {username:?}"
        );
    }
    assert_eq!(status(Item::FromDomainAlignment, &facts(&o365())), Status::Pass);
}

#[test]
fn settings_count_as_tested_by_a_test_or_by_mail_that_was_taken() {
    let settings = smtp(Security::StartTls);
    let reached = observed(&settings, Seen::Encrypted("TLSv1.3".to_owned()));
    assert_eq!(status(Item::SettingsTested, &reached), Status::Warning);
    let taken = Facts {
        taken_at: Some(noon()),
        ..facts(&settings)
    };
    assert_eq!(status(Item::SettingsTested, &taken), Status::Pass);
    let tested = Facts {
        tested: Tested::Lately,
        ..facts(&settings)
    };
    assert_eq!(status(Item::SettingsTested, &tested), Status::Pass);
}

#[test]
fn codes_by_email_are_warned_of_with_the_word_of_nist() {
    let settings = cloud();
    let sent = Facts {
        codes: Codes::Sent,
        ..facts(&settings)
    };
    let finding = Item::TwoFactorByEmail.judge(&sent);
    assert_eq!(finding.status, Status::Warning);
    assert!(finding.evidence.contains("NIST SP 800-63B"), "{}", finding.evidence);
    assert_eq!(status(Item::TwoFactorByEmail, &facts(&settings)), Status::Pass);
}

#[test]
fn the_newest_session_that_tells_something_counts() {
    let session = |ago, stage, tls: Option<&str>| Session {
        at: noon() - Duration::minutes(ago),
        stage,
        tls_version: tls.map(str::to_owned),
        error: None,
        taken: Taken::No,
    };
    let optional = smtp(Security::StartTlsOptional);
    let sessions = [
        session(3, Stage::Dot, Some("TLSv1.3")),
        session(1, Stage::Connect, None),
        session(2, Stage::Dot, None),
    ];
    let newest = Observation::newest(&optional, &sessions).unwrap();
    assert_eq!((newest.at, newest.seen), (noon() - Duration::minutes(2), Seen::Clear));
    assert_eq!(Observation::newest(&cloud(), &sessions), None);
    assert_eq!(Observation::newest(&optional, &sessions[1..2]), None);
    let graph = Observation::newest(&o365(), &[session(1, Stage::Dot, None)]).unwrap();
    assert_eq!(graph.seen, Seen::Graph);
}

#[test]
fn only_what_falls_below_a_mandatory_item_is_refused() {
    let mandatory = [Item::RequireSmtpSsl, Item::CertificateVerified, Item::TwoFactorByEmail];
    let refused = |settings: &EmailSettings| -> Vec<(String, FaultCode)> {
        let faults = below_mandatory(&mandatory, &facts(settings));
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    };
    let below = || ("/smtp/security".to_owned(), FaultCode::BelowMandatory);
    assert_eq!(refused(&smtp(Security::StartTlsOptional)), [below()]);
    assert_eq!(refused(&smtp(Security::None)), [below(), below()]);
    // Its certificate is not known yet, and it must be possible to get to know it.
    assert_eq!(refused(&smtp(Security::StartTls)), []);
    assert_eq!(refused(&o365()), []);
    assert_eq!(refused(&cloud()), []);
}

#[test]
fn names_of_items_round_trip() {
    for item in Item::ALL {
        assert_eq!(item.as_str().parse(), Ok(item));
    }
}
