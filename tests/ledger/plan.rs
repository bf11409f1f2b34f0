//! What one run is to do: the command line, and what follows from it.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::mix::{LostReplies, Mix};

/// Runs load and faults against letterhead and accounts for every message
///
/// Exits 1 where a message is lost, a duplicate is not accounted for, a code comes too late, or anything else breaks the
/// promise. Figures are printed and written to target/ledger/*.json.
#[derive(Debug, Clone, Parser)]
#[command(name = "ledger")]
pub(crate) struct Plan {
    /// The store; both, side by side, if not given
    #[arg(long, value_enum)]
    pub(crate) store: Option<StoreKind>,
    /// What to do to the service; may be repeated; all that the store knows if not given
    #[arg(long = "fault", value_enum)]
    pub(crate) faults: Vec<FaultKind>,
    /// Messages to submit, for each fault; by default what the fault needs, 50,000 for `kill` in a long run
    #[arg(long)]
    messages: Option<usize>,
    /// How often to strike, for each fault; 200 for `kill` in a long run
    #[arg(long)]
    kills: Option<usize>,
    /// Where the dice start
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Wait for real leases instead of ageing them in the store (`freeze`: the first time), and do more of everything
    #[arg(long)]
    pub(crate) long: bool,
    /// The program; letterhead beside this one if not given. A release build has no named points
    #[arg(long)]
    pub(crate) program: Option<PathBuf>,
    /// The folder of initdb and postgres; Debian's newest if not given
    #[arg(long)]
    pub(crate) postgres_programs: Option<PathBuf>,
}

/// Where letterhead keeps its mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreKind {
    Sqlite,
    Postgres,
}

/// What is done to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FaultKind {
    /// SIGKILL of the whole service at random moments
    Kill,
    /// SIGKILL of an API process and two relay processes, each apart (PostgreSQL)
    Split,
    /// SIGTERM under load: no duplicate at all
    Term,
    /// Death at each named point around a commit and the dot
    Points,
    /// SIGSTOP of one of two relay processes past its leases (PostgreSQL)
    Freeze,
    /// A relay process cut off from the database (PostgreSQL)
    Partition,
    /// The database killed and started again (PostgreSQL)
    Database,
    /// The disk full, then not (SQLite)
    Disk,
}

impl StoreKind {
    /// The faults that make sense on it.
    pub(crate) const fn faults(self) -> &'static [FaultKind] {
        match self {
            Self::Sqlite => &[FaultKind::Kill, FaultKind::Term, FaultKind::Points, FaultKind::Disk],
            Self::Postgres => &[
                FaultKind::Split,
                FaultKind::Kill,
                FaultKind::Term,
                FaultKind::Points,
                FaultKind::Freeze,
                FaultKind::Partition,
                FaultKind::Database,
            ],
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl FaultKind {
    /// Whether services that share the database server would feel it too.
    pub(crate) const fn is_felt_by_all(self) -> bool {
        matches!(self, Self::Database)
    }

    /// Whether every process lives on or ends in order, so that what it counted can be read. A process that is killed takes
    /// its counters with it.
    pub(crate) const fn keeps_counters(self) -> bool {
        match self {
            Self::Term | Self::Freeze | Self::Partition | Self::Database | Self::Disk => true,
            Self::Kill | Self::Split | Self::Points => false,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Split => "split",
            Self::Term => "term",
            Self::Points => "points",
            Self::Freeze => "freeze",
            Self::Partition => "partition",
            Self::Database => "database",
            Self::Disk => "disk",
        }
    }
}

impl Plan {
    pub(crate) fn stores(&self) -> Vec<StoreKind> {
        self.store
            .map_or_else(|| vec![StoreKind::Sqlite, StoreKind::Postgres], |one| vec![one])
    }

    /// The faults of this run that a store knows.
    pub(crate) fn faults_of(&self, store: StoreKind) -> Vec<FaultKind> {
        let wanted = |fault: &FaultKind| self.faults.is_empty() || self.faults.contains(fault);
        store.faults().iter().copied().filter(wanted).collect()
    }

    /// Faults at once: a short run mostly waits, a long one is there to be measured.
    pub(crate) const fn side_by_side(&self) -> usize {
        if self.long { 1 } else { 3 }
    }

    /// Messages, and blows to spread over them.
    pub(crate) fn size(&self, fault: FaultKind) -> (usize, usize) {
        let (messages, blows) = match (fault, self.long) {
            (FaultKind::Kill | FaultKind::Split, true) => (50_000, 200),
            (FaultKind::Kill | FaultKind::Split, false) => (600, 8),
            (FaultKind::Term, true) => (5_000, 20),
            (FaultKind::Term, false) => (200, 3),
            (FaultKind::Points, true) => (4_000, 40),
            (FaultKind::Points, false) => (600, 10),
            (FaultKind::Freeze, true) => (4_000, 8),
            (FaultKind::Partition, true) => (3_000, 5),
            (FaultKind::Freeze | FaultKind::Partition, false) => (200, 1),
            (FaultKind::Database, true) => (10_000, 20),
            (FaultKind::Database, false) => (300, 2),
            (FaultKind::Disk, true) => (5_000, 3),
            (FaultKind::Disk, false) => (1_500, 1),
        };
        (self.messages.unwrap_or(messages), self.kills.unwrap_or(blows).max(1))
    }

    pub(crate) const fn mix(&self, fault: FaultKind) -> Mix {
        Mix {
            seed: self.seed,
            short_life: if self.long { 15_000 } else { 4_000 },
            // What ends in order makes no doubts, so there must be none of the sink's making.
            lost_replies: if matches!(fault, FaultKind::Term) {
                LostReplies::None
            } else {
                LostReplies::Some
            },
        }
    }
}
