//! The steps of a send as an onlooker sees them: real mail has none, the test email has one.
//!
//! There is one path through the steps; looking on changes nothing of it. What an onlooker is told holds no credential.

use std::time::Duration;

/// A step, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The application's entry in the vault has all it needs.
    Secret,
    /// Entra gives a token for it.
    Token,
    /// The token says what it may be used for.
    Permission,
    /// Graph takes the mail.
    Send,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 4] = [Self::Secret, Self::Token, Self::Permission, Self::Send];

    /// The name as a test's answer shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Token => "token",
            Self::Permission => "permission",
            Self::Send => "send",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Ok,
    /// Well, but there is something to know.
    Warning,
    /// Badly: none of those behind it is gone.
    Failed,
}

/// One step that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// How.
    pub ended: Ended,
    /// How long it took.
    pub took: Duration,
    /// What there is to say of it, in one sentence.
    pub detail: String,
}

/// What the roles in a token say of its use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roles {
    /// The permissions it carries.
    Listed(Vec<String>),
    /// It cannot be read; Microsoft promises no form of it.
    Unreadable,
}

/// Whoever looks on.
pub trait Observer: Send {
    /// A step has ended.
    fn ended(&mut self, report: StepReport);

    /// Something was said, by us (`C: …`) or by them (`S: …`).
    fn said(&mut self, line: String);
}

/// Nobody: for real mail.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn ended(&mut self, _: StepReport) {}

    fn said(&mut self, _: String) {}
}
