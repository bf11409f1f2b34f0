//! A kept password goes nowhere but where it was given for, whatever else is changed.

use proptest::prelude::*;

use super::*;
use crate::{
    connection::{Host, Security},
    secret::{ExposeSecret, secret_text},
};

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        "[a-z]{1,10}\\.example",
        "10\\.[0-9]{1,2}\\.0\\.1",
        "fd00::[1-9a-f]{1,4}"
    ]
    .prop_filter_map("no host", |text| text.parse().ok())
}

fn server() -> impl Strategy<Value = SmtpServer> {
    let security = prop::sample::select(Security::ALL.to_vec());
    let ca = prop::option::of("[A-Z]{8}");
    let username = prop::option::of("[a-z]{1,8}");
    (host(), 1..=u16::MAX, security, ca, username).prop_map(|(host, port, security, ca_certificate_pem, username)| {
        SmtpServer {
            host,
            port,
            security,
            credentials: username.map(|username| Credentials {
                username,
                proof: Proof::Password(SecretText::default()),
            }),
            ca_certificate_pem,
        }
    })
}

fn stored(server: SmtpServer) -> SmtpServer {
    PasswordChange::Set(secret_text("canary")).over(server, None).unwrap()
}

proptest! {
    #[test]
    fn a_kept_password_goes_where_every_field_is_the_same_and_nowhere_else(before in server(), other in server()) {
        let before = stored(before);
        let same = PasswordChange::Keep.over(before.clone(), Some(&before)).unwrap();
        prop_assert_eq!(&same, &before);
        prop_assume!(before.password().is_some());
        let mutations = [
            SmtpServer { host: other.host.clone(), ..before.clone() },
            SmtpServer { port: other.port, ..before.clone() },
            SmtpServer { security: other.security, ..before.clone() },
            SmtpServer { ca_certificate_pem: other.ca_certificate_pem.clone(), ..before.clone() },
            SmtpServer { credentials: other.credentials, ..before.clone() },
        ];
        let changed = [
            other.host != before.host,
            other.port != before.port,
            other.security != before.security,
            other.ca_certificate_pem != before.ca_certificate_pem,
            mutations[4].username() != before.username(),
        ];
        for (mutated, changed) in mutations.into_iter().zip(changed) {
            let kept = PasswordChange::Keep.over(mutated.clone(), Some(&before));
            if changed {
                prop_assert_eq!(kept.map_err(|fault| fault.code), Err(FaultCode::PasswordRequired));
                prop_assert!(PasswordChange::Remove.over(mutated, Some(&before)).unwrap().password().is_none());
            } else {
                let kept = kept.unwrap();
                prop_assert_eq!(kept.password().map(ExposeSecret::expose_secret), Some("canary"));
            }
        }
    }
}

#[test]
fn where_no_password_is_stored_none_is_asked_for() {
    let before = SmtpServer {
        host: "smtp.example.com".parse().unwrap(),
        port: 587,
        security: Security::StartTls,
        credentials: None,
        ca_certificate_pem: None,
    };
    let moved = SmtpServer {
        port: 25,
        ..before.clone()
    };
    assert!(PasswordChange::Keep.over(moved.clone(), Some(&before)).is_ok());
    assert!(PasswordChange::Keep.over(moved, None).is_ok());
}
