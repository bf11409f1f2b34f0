//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

use crate::{
    contender::Contender,
    lab::{Lab, Sizes},
};

/// Measures Letterhead beside its peers, in interleaved rounds on this machine
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// The program under measurement
    #[arg(long, value_name = "PATH", default_value = "target/release/letterhead")]
    letterhead: PathBuf,
    /// Run these scenarios only
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Measure these systems only
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    systems: Vec<Contender>,
    /// Rounds in which every system takes a turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Messages of a turn
    #[arg(long, default_value_t = 20_000)]
    messages: u32,
    /// Connections or SMTP sessions of the load generator, and of Letterhead's route
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// Tenants that submit
    #[arg(long, default_value_t = 10)]
    tenants: usize,
    /// Octets of a message's text
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// Messages that wait in `backlog` and `neighbours`
    #[arg(long, default_value_t = 100_000)]
    backlog: u32,
    /// Lengths of queue in `queued`, the shortest first; `memory` takes the last
    #[arg(
        long,
        value_name = "COUNT,…",
        value_delimiter = ',',
        default_value = "1000,100000,1000000"
    )]
    depths: Vec<u32>,
    /// Seconds that a turn may take at most
    #[arg(long, default_value_t = 60)]
    turn: u64,
    /// Where every system keeps its data; must be on a real disk
    #[arg(long, value_name = "FOLDER", default_value = "/var/tmp")]
    work_dir: PathBuf,
    /// Where peers that are not installed are unpacked; what is there already is not fetched again
    #[arg(long, value_name = "FOLDER", default_value = "target/bench-peers")]
    peers_dir: PathBuf,
    /// Where the results go as JSON
    #[arg(long, value_name = "FILE", default_value = "bench/results/run.json")]
    pub(crate) out: PathBuf,
    /// Tiny sizes, one round, Letterhead on SQLite alone: shows that the bench works, measures nothing
    #[arg(long)]
    smoke: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// End to end under load, beside the peers
    Throughput,
    /// How fast 202 is answered, beside what the store can do
    Accept,
    /// One message at a time, beside the peers
    Idle,
    /// Two-factor codes while another tenant has a long queue
    Backlog,
    /// What small tenants get while a big one floods
    Fairness,
    /// Other tenants while one tenant's own server is dead
    Neighbours,
    /// What a message costs, by the length of the queue
    Queued,
    /// `queued` with the longest queue alone
    Memory,
    /// One, two and four relay processes on one PostgreSQL
    Nodes,
}

impl Options {
    /// The scenarios asked for.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        if self.only.is_empty() {
            let all = Scenario::value_variants().iter().copied();
            // `queued` measures it too.
            all.filter(|scenario| *scenario != Scenario::Memory).collect()
        } else {
            self.only.clone()
        }
    }

    pub(crate) fn lab(&self) -> Lab {
        Lab {
            letterhead: std::path::absolute(&self.letterhead).unwrap_or_else(|_| self.letterhead.clone()),
            work_dir: self.work_dir.clone(),
            // Programs are started from other folders.
            peers_dir: std::path::absolute(&self.peers_dir).unwrap_or_else(|_| self.peers_dir.clone()),
            contenders: self.contenders(),
            sizes: if self.smoke { self.smoke_sizes() } else { self.sizes() },
        }
    }

    fn contenders(&self) -> Vec<Contender> {
        if !self.systems.is_empty() {
            self.systems.clone()
        } else if self.smoke {
            vec![Contender::LetterheadSqlite]
        } else {
            Contender::USUAL.to_vec()
        }
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            rounds: self.rounds,
            messages: self.messages,
            warm_up: 500,
            connections: self.connections,
            tenants: self.tenants,
            letter: self.size,
            turn: Duration::from_secs(self.turn),
            idle: 200,
            backlog: self.backlog,
            codes: 400,
            depths: self.depths.clone(),
            steady: self.messages / 4,
            flood: self.backlog / 2,
            trickle: 1000,
            neighbours: 2000,
            a_node: self.messages / 4,
        }
    }

    fn smoke_sizes(&self) -> Sizes {
        Sizes {
            rounds: 1,
            messages: 50,
            warm_up: 5,
            connections: 5,
            tenants: 2,
            idle: 5,
            backlog: 500,
            codes: 5,
            depths: vec![50, 200],
            steady: 20,
            flood: 200,
            trickle: 20,
            neighbours: 20,
            a_node: 20,
            ..self.sizes()
        }
    }
}
