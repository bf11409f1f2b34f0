//! How far a session has come, and how long each stage took: what a report and a test email show.

use std::time::Duration;

use domain::reply::Stage;
use rustls::ProtocolVersion;
use tokio::time::Instant;

use super::failure::{Failed, SessionFailure};
use crate::sight::{Sight, Watch};

/// One stage and the time it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageTime {
    /// The stage.
    pub stage: Stage,
    /// From its beginning to the next one's, or to now.
    pub took: Duration,
}

/// The stage under way and those behind it.
#[derive(Debug)]
pub(super) struct Progress {
    stage: Stage,
    since: Instant,
    behind: Vec<StageTime>,
    tls: Option<ProtocolVersion>,
    watch: Watch,
}

impl Progress {
    pub(super) fn at(stage: Stage, watch: Watch) -> Self {
        let begun = Self {
            stage,
            since: Instant::now(),
            behind: Vec::new(),
            tls: None,
            watch,
        };
        begun.show();
        begun
    }

    /// Whoever watches the session.
    pub(super) const fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(super) fn enter(&mut self, stage: Stage) {
        self.behind.push(self.current());
        self.stage = stage;
        self.since = Instant::now();
        self.show();
    }

    /// Forgets the stages behind: a new transaction begins.
    pub(super) fn restart(&mut self, stage: Stage) {
        self.behind.clear();
        self.stage = stage;
        self.since = Instant::now();
        self.show();
    }

    pub(super) fn secured(&mut self, version: Option<ProtocolVersion>) {
        self.tls = version;
        self.watch.see(|| Sight::Secured(self.tls_version()));
    }

    pub(super) fn stages(&self) -> Vec<StageTime> {
        let mut stages = self.behind.clone();
        stages.push(self.current());
        stages
    }

    pub(super) fn tls_version(&self) -> Option<String> {
        let version = self.tls?;
        let name = match version.as_str() {
            Some("TLSv1_2") => "TLSv1.2",
            Some("TLSv1_3") => "TLSv1.3",
            Some(other) => other,
            None => "TLS",
        };
        Some(name.to_owned())
    }

    pub(super) fn failed(&self, failure: SessionFailure) -> Failed {
        Failed {
            stage: self.stage,
            failure,
            tls_version: self.tls_version(),
            stages: self.stages(),
        }
    }

    fn show(&self) {
        self.watch.see(|| Sight::Entered(self.stage, self.since));
    }

    fn current(&self) -> StageTime {
        StageTime {
            stage: self.stage,
            took: self.since.elapsed(),
        }
    }
}
