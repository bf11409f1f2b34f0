//! What every scenario needs to know: the program under measurement, where data may lie, how much is measured.

use std::{path::PathBuf, process::Command, time::Duration};

use crate::contender::Contender;

/// The laboratory.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    /// The program under measurement.
    pub(crate) letterhead: PathBuf,
    /// Every system keeps its data below this folder, so that all write to one disk.
    pub(crate) work_dir: PathBuf,
    /// Where the programs of peers are kept that are not installed.
    pub(crate) peers_dir: PathBuf,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) sizes: Sizes,
}

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Sizes {
    /// Rounds in which every system takes a turn.
    pub(crate) rounds: usize,
    /// Messages of a turn.
    pub(crate) messages: u32,
    /// Messages before a turn that do not count.
    pub(crate) warm_up: u32,
    /// Connections, or SMTP sessions, of the load generator; also what Letterhead's route may open.
    pub(crate) connections: usize,
    pub(crate) tenants: usize,
    /// Octets of a message's text.
    pub(crate) letter: usize,
    /// The longest that a turn may take; what has arrived by then counts.
    pub(crate) turn: Duration,
    /// Messages of a system in a round of `idle`.
    pub(crate) idle: u32,
    /// Messages of another tenant that wait in `backlog` and `neighbours`.
    pub(crate) backlog: u32,
    /// Two-factor codes of a round of `backlog`.
    pub(crate) codes: u32,
    /// Lengths of queue in `queued`, the shortest first.
    pub(crate) depths: Vec<u32>,
    /// Messages of a turn of `queued`.
    pub(crate) steady: u32,
    /// Messages of the big tenant in `fairness`.
    pub(crate) flood: u32,
    /// Messages of each small tenant in `fairness`.
    pub(crate) trickle: u32,
    /// Messages of a turn of `neighbours`.
    pub(crate) neighbours: u32,
    /// Messages for each relay process of `nodes`.
    pub(crate) a_node: u32,
}

impl Lab {
    /// The systems that are Letterhead.
    pub(crate) fn stores(&self) -> Vec<Contender> {
        self.contenders
            .iter()
            .copied()
            .filter(|contender| contender.store().is_some())
            .collect()
    }
}

/// Has the kernel write out what earlier turns left behind, so that it does not fall into the next one.
pub(crate) fn settle_disks() {
    // Without `sync` the turn is only noisier.
    drop(Command::new("sync").status());
}
