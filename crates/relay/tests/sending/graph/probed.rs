//! The test email through Graph: its steps, the code of each failure, and that no secret is told.

use domain::{connection::Connection, secret::secret_text};
use relay::{
    dispatcher::RelaySettings,
    graph_emulator::GraphEmulator,
    probe::{FailureCode, Prober, Report, StepName, StepStatus, Test, Way},
    transport::o365::Endpoints,
};

use super::world::{EXPIRED, SECRET, SECRET_ID, config, settings, world};
use crate::{
    probe::{EXECUTABLE, statuses, test_of},
    sample::{loopback_gate, provider, short_timeouts},
};

fn prober(endpoints: Endpoints) -> Prober {
    let settings = RelaySettings {
        o365: endpoints,
        timeouts: short_timeouts(),
        ..RelaySettings::new(provider(), loopback_gate())
    };
    Prober::new(settings, EXECUTABLE).unwrap()
}

fn prober_of(emulator: &GraphEmulator) -> Prober {
    prober(Endpoints::replaced(
        emulator.login_url().ok(),
        emulator.graph_url().ok(),
    ))
}

fn test_with(secret: &str) -> Test {
    let mut via = settings();
    via.application.client_secret = secret_text(secret);
    test_of(Way::Own(Box::new(Connection::O365(via))))
}

fn failed(report: &Report) -> (StepName, FailureCode) {
    let failure = report.failure.as_ref().unwrap_or_else(|| panic!("{report:?}"));
    (failure.step, failure.code)
}

#[tokio::test]
async fn a_mailbox_is_tested_in_four_steps_without_telling_the_secret() {
    let world = world().await;
    let report = prober_of(&world.emulator).run(&test_with(SECRET), None).await;
    assert!(report.is_accepted(), "{report:?}");
    assert_eq!(statuses(&report), StepName::O365.map(|name| (name, StepStatus::Ok)));
    assert!(report.steps[3].detail.contains("Accepted by Microsoft"));
    assert!(!format!("{report:?}").contains(SECRET));
}

#[tokio::test]
async fn each_fault_of_the_application_has_its_code_and_the_rest_is_skipped() {
    let world = world().await;
    let prober = prober_of(&world.emulator);
    for (secret, step, code) in [
        ("", StepName::Secret, FailureCode::SecretIncomplete),
        ("guess-0123456789", StepName::Token, FailureCode::ClientSecretInvalid),
        (
            &SECRET_ID.to_string(),
            StepName::Token,
            FailureCode::ClientSecretInvalid,
        ),
        (EXPIRED, StepName::Token, FailureCode::ClientSecretExpired),
    ] {
        let report = prober.run(&test_with(secret), None).await;
        assert_eq!(failed(&report), (step, code), "{report:?}");
        let names: Vec<_> = report.steps.iter().map(|step| step.name).collect();
        assert_eq!(names, StepName::O365);
        assert_eq!(report.steps.last().unwrap().status, StepStatus::Skipped);
        assert!(
            secret.is_empty() || !format!("{report:?}").contains(secret),
            "{report:?}"
        );
        assert!(!report.failure.unwrap().hint.contains(EXECUTABLE));
    }
}

#[tokio::test]
async fn a_token_without_mail_send_is_a_warning_and_the_send_decides() {
    let mut config = config();
    config.directories[0].applications[0].roles = Vec::new();
    let emulator = GraphEmulator::start(config).await.unwrap();
    let report = prober_of(&emulator).run(&test_with(SECRET), None).await;
    assert_eq!(report.steps[2].status, StepStatus::Warning);
    assert_eq!(failed(&report), (StepName::Send, FailureCode::PermissionMissing));
}

#[tokio::test]
async fn where_microsoft_cannot_be_reached_the_firewall_is_suspected() {
    let nobody = crate::sample::deserted().await;
    let url = format!("http://{nobody}/").parse().ok();
    let report = prober(Endpoints::replaced(url.clone(), url))
        .run(&test_with(SECRET), None)
        .await;
    assert_eq!(failed(&report), (StepName::Token, FailureCode::ConnectionRefused));
    assert!(report.failure.unwrap().hint.contains(EXECUTABLE));
}
