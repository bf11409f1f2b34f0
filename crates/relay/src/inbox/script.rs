//! What a scripted server does otherwise than usual, as plain data.
//!
//! A fault is an entry of a table in a test, not code: [`Script`] says at which step, for whom and in which order, `play`
//! alone carries it out.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A moment at which the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The TCP connection is there, TLS is not: nothing is said here as a rule.
    Connect,
    /// The 220 that opens the session.
    Greeting,
    /// The answer to EHLO or HELO, before and after STARTTLS.
    Ehlo,
    /// The answer to STARTTLS.
    StartTls,
    /// The verdict on AUTH, not its questions.
    Auth,
    /// The answer to MAIL.
    Mail,
    /// The answer to RCPT.
    Rcpt,
    /// The answer to DATA.
    Data,
    /// The answer to the final dot.
    Dot,
    /// The answer to RSET.
    Rset,
    /// The answer to QUIT.
    Quit,
}

/// What the server does at a step.
///
/// The session goes on according to the code that the client has read, not according to the usual one: a recipient answered
/// with a scripted 550 is not accepted, a text answered with a scripted 250 is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// As without a script.
    Usual,
    /// This instead, as it is; a CRLF is added where the text does not end in one.
    Reply(String),
    /// This instead, then the end.
    ReplyThenDrop(String),
    /// Says nothing any more and waits for the client to go.
    Hang,
    /// Closes without a word.
    Drop,
    /// The usual reply, after a while.
    Delay(Duration),
    /// The usual reply, an octet at a time.
    Drip {
        /// Between two octets.
        every: Duration,
    },
    /// Far too much before the usual reply.
    Flood(FloodOf),
    /// These octets instead of a reply; the session goes on.
    Garbage(Vec<u8>),
    /// Takes what was sent and closes before saying so: at [`Step::Dot`] the message is kept.
    AcceptThenDrop,
    /// The usual reply, then reads this many octets and closes: at [`Step::Data`] in the middle of the text.
    TakeThenDrop {
        /// Octets read before the end.
        octets: usize,
    },
    /// The usual reply, then reads this many octets and neither reads nor speaks any more: at [`Step::Data`] a server that
    /// stalls in the middle of the text.
    TakeThenStall {
        /// Octets read before the stall.
        octets: usize,
    },
    /// The usual reply and these octets in one write: at [`Step::StartTls`] an injection before the handshake.
    LeftOver(Vec<u8>),
}

/// What a flood is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloodOf {
    /// So many continuation lines, then the usual reply.
    Lines(usize),
    /// One line of so many octets, then the usual reply.
    Octets(usize),
    /// Continuation lines until the client goes.
    Endless,
}

/// Behaviours by step; the first rule that has one left decides.
#[derive(Debug, Clone, Default)]
pub struct Script {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    step: Step,
    recipient: Option<String>,
    queue: VecDeque<Behaviour>,
    afterwards: Option<Behaviour>,
}

impl Script {
    /// A script without rules: everything as usual.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One behaviour for each coming of this step, over all connections; then as usual.
    #[must_use]
    pub fn at(self, step: Step, behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        self.with(step, None, behaviours.into_iter().collect(), None)
    }

    /// The same behaviour whenever this step comes.
    #[must_use]
    pub fn always_at(self, step: Step, behaviour: Behaviour) -> Self {
        self.with(step, None, VecDeque::new(), Some(behaviour))
    }

    /// One behaviour for each RCPT of this address; then as usual.
    #[must_use]
    pub fn for_recipient(self, address: &str, behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        self.with(
            Step::Rcpt,
            Some(address.to_owned()),
            behaviours.into_iter().collect(),
            None,
        )
    }

    /// The same behaviour whenever this address is a recipient.
    #[must_use]
    pub fn always_for_recipient(self, address: &str, behaviour: Behaviour) -> Self {
        self.with(Step::Rcpt, Some(address.to_owned()), VecDeque::new(), Some(behaviour))
    }

    fn with(
        mut self,
        step: Step,
        recipient: Option<String>,
        queue: VecDeque<Behaviour>,
        afterwards: Option<Behaviour>,
    ) -> Self {
        self.rules.push(Rule {
            step,
            recipient,
            queue,
            afterwards,
        });
        self
    }

    fn next(&mut self, step: Step, recipient: Option<&str>) -> Behaviour {
        self.rules
            .iter_mut()
            .filter(|rule| rule.matches(step, recipient))
            .find_map(|rule| rule.queue.pop_front().or_else(|| rule.afterwards.clone()))
            .unwrap_or(Behaviour::Usual)
    }
}

impl Rule {
    fn matches(&self, step: Step, recipient: Option<&str>) -> bool {
        let addressed = match (&self.recipient, recipient) {
            (None, _) => true,
            (Some(wanted), Some(given)) => wanted.eq_ignore_ascii_case(given),
            (Some(_), None) => false,
        };
        self.step == step && addressed
    }
}

/// Tells the sessions of one server what comes next; occurrences are counted over all of them.
#[derive(Debug)]
pub(super) struct Prompter(Mutex<Script>);

impl Prompter {
    pub(super) const fn new(script: Script) -> Self {
        Self(Mutex::new(script))
    }

    pub(super) fn replace(&self, script: Script) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    pub(super) fn next(&self, step: Step, recipient: Option<&str>) -> Behaviour {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next(step, recipient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_occurrence_takes_one_behaviour_and_the_rest_is_usual() {
        let mut script = Script::new().at(Step::Mail, [Behaviour::Hang, Behaviour::Drop]);
        assert_eq!(script.next(Step::Rcpt, None), Behaviour::Usual);
        assert_eq!(script.next(Step::Mail, None), Behaviour::Hang);
        assert_eq!(script.next(Step::Mail, None), Behaviour::Drop);
        assert_eq!(script.next(Step::Mail, None), Behaviour::Usual);
    }

    #[test]
    fn a_recipients_rule_speaks_of_that_recipient_only_and_can_last_forever() {
        let mut script = Script::new().always_for_recipient("Bob@b.example", Behaviour::Drop);
        assert_eq!(script.next(Step::Rcpt, Some("al@b.example")), Behaviour::Usual);
        assert_eq!(script.next(Step::Rcpt, Some("bob@b.example")), Behaviour::Drop);
        assert_eq!(script.next(Step::Rcpt, Some("bob@b.example")), Behaviour::Drop);
    }

    #[test]
    fn a_rule_that_ran_out_leaves_the_step_to_the_next_one() {
        let mut script = Script::new()
            .at(Step::Dot, [Behaviour::Drop])
            .always_at(Step::Dot, Behaviour::Hang);
        assert_eq!(script.next(Step::Dot, None), Behaviour::Drop);
        assert_eq!(script.next(Step::Dot, None), Behaviour::Hang);
    }
}
