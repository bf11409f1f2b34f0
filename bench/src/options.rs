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
    /// Seconds that a turn may take at most
    #[arg(long, default_value_t = 60)]
    turn: u64,
    /// Where every system keeps its data; must be on a real disk
    #[arg(long, value_name = "FOLDER", default_value = "/var/tmp")]
    work_dir: PathBuf,
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
    Throughput,
    Idle,
}

impl Options {
    /// The scenarios asked for.
    pub(crate) fn scenarios(&self) -> Vec<Scenario> {
        if self.only.is_empty() {
            Scenario::value_variants().to_vec()
        } else {
            self.only.clone()
        }
    }

    pub(crate) fn lab(&self) -> Lab {
        Lab {
            letterhead: self.letterhead.clone(),
            work_dir: self.work_dir.clone(),
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
            Contender::ALL.to_vec()
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
            ..self.sizes()
        }
    }
}
