//! Plays every row of `cases.toml`: a server that misbehaves in one way at one stage, and what becomes of the delivery.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    connection::Security,
    outbox::{AttemptReport, Outcome},
    reply::{Stage, Suppress},
};
use futures_util::{StreamExt, stream};
use relay::{
    inbox::{Behaviour, FloodOf, Script, Step},
    session::Timeouts,
};
use serde::Deserialize;
use tokio::time::timeout;

use crate::{
    authority::Authority,
    case_server::{Far, play},
};

/// Rows played at once.
const AT_ONCE: usize = 16;
/// How long a row may take before a worker counts as hanging.
const ROW_WITHIN: Duration = Duration::from_secs(30);
/// The time-out of the stage that a row holds up; all others are those of production.
const CUT_SHORT: Duration = Duration::from_millis(400);

#[derive(Deserialize)]
struct Table {
    cases: Vec<Case>,
}

/// One row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) at: String,
    pub(crate) does: String,
    pub(crate) says: Option<String>,
    #[serde(default = "pipelined")]
    pub(crate) session: String,
    #[serde(default = "in_clear")]
    pub(crate) security: String,
    pub(crate) auth: Option<String>,
    expect: String,
    stage: String,
    #[serde(default = "schedule")]
    patience: String,
}

fn pipelined() -> String {
    "pipelined".to_owned()
}

fn in_clear() -> String {
    Security::None.as_str().to_owned()
}

fn schedule() -> String {
    "schedule".to_owned()
}

fn cases() -> Vec<Case> {
    toml::from_str::<Table>(include_str!("cases.toml")).unwrap().cases
}

impl Case {
    /// What the scripted server does otherwise than usual.
    pub(crate) fn script(&self) -> Script {
        let Some(behaviour) = self.behaviour() else {
            return Script::new();
        };
        match self.at.as_str() {
            "connect" | "tls" => Script::new().always_at(Step::Connect, behaviour),
            "ehlo_again" => Script::new().at(Step::Ehlo, [Behaviour::Usual, behaviour]),
            at => Script::new().always_at(step(at), behaviour),
        }
    }

    fn behaviour(&self) -> Option<Behaviour> {
        let says = || self.says.clone().unwrap();
        Some(match self.does.as_str() {
            "refuses" | "lies" => Behaviour::Reply(says()),
            "refuses_then_drops" | "answers_then_drops" => Behaviour::ReplyThenDrop(says()),
            "garbles" | "bare_line_end" | "two_codes" => Behaviour::Garbage(latin_1(&says())),
            "says_more" => Behaviour::LeftOver(latin_1(&says())),
            "hangs" => Behaviour::Hang,
            "drops" if self.at == "text" => Behaviour::TakeThenDrop { octets: 4 },
            "drops" => Behaviour::Drop,
            "stalls" => Behaviour::TakeThenStall { octets: 4 },
            "takes_and_drops" => Behaviour::AcceptThenDrop,
            "drips" => Behaviour::Drip {
                every: Duration::from_millis(1),
            },
            "crawls" => Behaviour::Drip { every: CUT_SHORT / 4 },
            "talks_at_length" => Behaviour::Flood(FloodOf::Lines(90)),
            "floods" => Behaviour::Flood(FloodOf::Lines(101)),
            "floods_endlessly" => Behaviour::Flood(FloodOf::Endless),
            "giant_line" => Behaviour::Flood(FloodOf::Octets(70_000)),
            _ => return None,
        })
    }

    /// Whether only a time-out ends it.
    pub(crate) fn timeouts(&self) -> Timeouts {
        let mut timeouts = Timeouts::default();
        if !["hangs", "crawls", "stalls"].contains(&self.does.as_str()) {
            return timeouts;
        }
        *match self.at.as_str() {
            "connect" => &mut timeouts.connect,
            "greeting" | "ehlo" | "ehlo_again" => &mut timeouts.greeting,
            "starttls" | "tls" => &mut timeouts.tls,
            "auth" => &mut timeouts.auth,
            "mail" => &mut timeouts.mail,
            "rcpt" => &mut timeouts.rcpt,
            "data" => &mut timeouts.data,
            "text" => &mut timeouts.text,
            "dot" => &mut timeouts.dot,
            other => panic!("no time-out at {other}"),
        } = CUT_SHORT;
        timeouts
    }

    /// What is wrong with what became of it, if anything.
    fn objection(&self, (outcome, report): &(Outcome, AttemptReport), far: &Far) -> Option<String> {
        let ended = (name_of(outcome), report.stage.as_str(), patience(outcome));
        let expected = (self.expect.as_str(), self.stage.as_str(), self.patience.as_str());
        let received = far.received();
        let taken = match outcome {
            Outcome::Sent => received == 1,
            Outcome::Unknown => received <= 1,
            Outcome::Deferred { .. } | Outcome::Bounced { .. } | Outcome::Held { .. } | Outcome::Released => {
                received == 0
            }
        };
        (ended != expected || !taken).then(|| {
            format!(
                "{self:?}\n    ended as {ended:?}, {received} received, {:?}",
                report.error
            )
        })
    }

    async fn run(&self, ca: &Authority) -> Option<String> {
        let far = Far::start(self, ca).await;
        match timeout(ROW_WITHIN, play(self, &far, ca)).await {
            Ok(ended) => self.objection(&ended, &far),
            Err(_) => Some(format!("{self:?}\n    hangs")),
        }
    }
}

fn step(at: &str) -> Step {
    match at {
        "greeting" => Step::Greeting,
        "ehlo" => Step::Ehlo,
        "starttls" => Step::StartTls,
        "auth" => Step::Auth,
        "mail" => Step::Mail,
        "rcpt" => Step::Rcpt,
        "data" | "text" => Step::Data,
        "dot" => Step::Dot,
        other => panic!("no step {other}"),
    }
}

/// One octet for each character, so that a table of text can hold what is no UTF-8.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn name_of(outcome: &Outcome) -> &'static str {
    if *outcome
        == (Outcome::Bounced {
            suppress: Suppress::Yes,
        })
    {
        return "suppressed";
    }
    match outcome {
        Outcome::Held { by, .. } => by.as_str(),
        Outcome::Unknown => "unknown",
        Outcome::Sent | Outcome::Deferred { .. } | Outcome::Bounced { .. } | Outcome::Released => outcome.as_str(),
    }
}

/// By the delay: the first step of the interactive lane is a minute, greylisting five, both within a fifth.
fn patience(outcome: &Outcome) -> &'static str {
    let greylisted = matches!(outcome, Outcome::Deferred { retry_in } if *retry_in >= Duration::from_mins(4));
    if greylisted { "greylisted" } else { "schedule" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_ends_as_the_table_says() {
    let (cases, ca) = (cases(), Authority::new());
    let objections: Vec<String> = stream::iter(&cases)
        .map(|case| case.run(&ca))
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    println!("{} rows ran, {} ended otherwise", cases.len(), objections.len());
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn the_table_has_every_behaviour_at_every_stage_where_it_makes_sense() {
    const REPLIES: [&str; 11] = [
        "refuses",
        "lies",
        "hangs",
        "crawls",
        "drips",
        "drops",
        "floods",
        "giant_line",
        "garbles",
        "bare_line_end",
        "two_codes",
    ];
    let cases = cases();
    let rows: BTreeSet<_> = cases
        .iter()
        .map(|case| (case.at.as_str(), case.does.as_str()))
        .collect();
    assert!(cases.len() >= 120, "{} rows", cases.len());
    for at in ["greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "dot"] {
        for does in REPLIES {
            assert!(rows.contains(&(at, does)), "no server that {does} at {at}");
        }
    }
    for (at, does) in [
        ("connect", "is_absent"),
        ("connect", "has_no_name"),
        ("connect", "is_forbidden"),
        ("connect", "hangs"),
        ("starttls", "says_more"),
        ("starttls", "does_not_offer"),
        ("tls", "other_name"),
        ("tls", "expired"),
        ("tls", "self_signed"),
        ("tls", "foreign_ca"),
        ("tls", "hangs"),
        ("ehlo_again", "refuses"),
        ("auth", "wrong_secret"),
        ("auth", "is_in_clear"),
        ("data", "says_more"),
        ("text", "drops"),
        ("text", "stalls"),
        ("dot", "takes_and_drops"),
    ] {
        assert!(rows.contains(&(at, does)), "no server that {does} at {at}");
    }
    for at in ["mail", "rcpt", "data", "text", "dot"] {
        for session in ["pipelined", "in_turn"] {
            let has = cases.iter().any(|case| case.at == at && case.session == session);
            assert!(has, "no {session} row at {at}");
        }
    }
    for stage in [
        Stage::Greeting,
        Stage::Tls,
        Stage::Authenticate,
        Stage::MailFrom,
        Stage::RcptTo,
        Stage::Data,
        Stage::Dot,
    ] {
        let says_421 = |case: &&Case| case.says.as_deref().is_some_and(|says| says.starts_with("421"));
        let has = cases.iter().filter(says_421).any(|case| case.stage == stage.as_str());
        assert!(has, "no 421 at {}", stage.as_str());
    }
}
