//! Who is told of each step as it ends.
//!
//! A step is told once. Where the shared relay has several routes, those before the last may fail on the way; what was told
//! of the first one's good steps stays true, since the report at the end is either that one's, or one that came further.

use tokio::sync::mpsc::UnboundedSender;

use super::report::{Step, StepName};

/// Tells, or keeps silent where nobody listens.
#[derive(Debug, Default)]
pub(super) struct Teller {
    listener: Option<UnboundedSender<Step>>,
    told: Vec<StepName>,
}

impl Teller {
    pub(super) const fn new(listener: Option<UnboundedSender<Step>>) -> Self {
        Self {
            listener,
            told: Vec::new(),
        }
    }

    pub(super) fn tell(&mut self, step: &Step) {
        if self.told.contains(&step.name) {
            return;
        }
        self.told.push(step.name);
        if let Some(listener) = &self.listener {
            // Whoever listened may have gone; the test goes on.
            drop(listener.send(step.clone()));
        }
    }
}
