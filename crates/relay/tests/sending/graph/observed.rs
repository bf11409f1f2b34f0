//! What an onlooker sees of a test: the steps, what was said, and no credential.

use domain::{message::kind::Kind, secret::secret_text};
use relay::{
    graph_emulator::{At, Play, Said, Script, documented},
    transport::o365::{Ended, Form, Observer, Step, StepReport},
};

use super::world::{SECRET, SECRET_ID, World, composed, config, job_over, settings, world, world_of};

#[derive(Default)]
struct Notes {
    steps: Vec<StepReport>,
    lines: Vec<String>,
}

impl Observer for Notes {
    fn ended(&mut self, report: StepReport) {
        self.steps.push(report);
    }

    fn said(&mut self, line: String) {
        self.lines.push(line);
    }
}

impl Notes {
    fn ends(&self) -> Vec<(Step, Ended)> {
        self.steps.iter().map(|report| (report.step, report.ended)).collect()
    }
}

async fn tried(world: &World, secret: &str) -> Notes {
    let mut via = settings();
    via.application.client_secret = secret_text(secret);
    let mut notes = Notes::default();
    let mail = composed(&job_over(&via, Kind::Notification));
    drop(world.mailer.try_out(&via, &mail, Form::Mime, &mut notes).await);
    notes
}

#[tokio::test]
async fn a_good_test_goes_through_four_steps() {
    let notes = tried(&world().await, SECRET).await;
    assert_eq!(notes.ends(), Step::ALL.map(|step| (step, Ended::Ok)));
    assert_eq!(notes.lines.len(), 4, "{:?}", notes.lines);
    assert!(notes.lines[2].starts_with("C: POST http://") && notes.lines[2].contains("/sendMail text/plain"));
    assert!(notes.lines[3].starts_with("S: 202 Accepted by Microsoft"));
}

#[tokio::test]
async fn a_pasted_secret_id_is_suspected_before_microsoft_says_so() {
    let notes = tried(&world().await, &SECRET_ID.to_string()).await;
    assert_eq!(
        notes.ends(),
        [(Step::Secret, Ended::Warning), (Step::Token, Ended::Failed)]
    );
    assert!(notes.steps[0].detail.contains("Value"));
}

#[tokio::test]
async fn a_token_without_the_permission_is_a_warning_and_the_send_tells() {
    let mut config = config();
    let application = &mut config.directories[0].applications[0];
    application.roles = vec!["Mail.Read".to_owned()];
    application.scoped_to = vec!["it@acme.example".to_owned()];
    let notes = tried(&world_of(config, relay::session::Timeouts::default()).await, SECRET).await;
    let expected = [
        (Step::Secret, Ended::Ok),
        (Step::Token, Ended::Ok),
        (Step::Permission, Ended::Warning),
        (Step::Send, Ended::Ok),
    ];
    assert_eq!(notes.ends(), expected);
    assert!(notes.steps[2].detail.contains("it shows: Mail.Read"));
}

#[tokio::test]
async fn a_refused_send_is_told_with_what_was_asked_and_what_was_answered() {
    let world = world().await;
    let refused = Play::Say(documented("ErrorAccessDenied").unwrap());
    world.emulator.play(Script::new().at(At::Send, [refused]));

    let notes = tried(&world, SECRET).await;

    assert_eq!(notes.ends().last(), Some(&(Step::Send, Ended::Failed)));
    assert!(notes.lines[2].starts_with("C: POST "), "{:?}", notes.lines);
    assert!(
        notes.lines[3].starts_with("S: 403 ErrorAccessDenied: Access is denied."),
        "{:?}",
        notes.lines
    );
}

#[tokio::test]
async fn no_credential_is_said_even_where_microsoft_says_it_back() {
    let world = world().await;
    let echo = format!(r#"{{"error":"invalid_client","error_description":"AADSTS7000215: {SECRET} is wrong"}}"#);
    world
        .emulator
        .play(Script::new().at(At::Token, [Play::Say(Said::status(401).body(&echo))]));
    for notes in [tried(&world, SECRET).await, tried(&world, SECRET).await] {
        let all = format!("{:?} {:?}", notes.steps, notes.lines);
        assert!(
            !all.contains(SECRET) && !all.contains("Bearer") && !all.contains("eyJ"),
            "{all}"
        );
        assert!(all.contains("client_secret=…"));
    }
}
