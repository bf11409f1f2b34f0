//! The systems that are measured side by side, each started for one turn and ended after it.

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    lab::Lab,
    letterhead::{self, Letterhead, Part, StoreKind},
    load::Door,
    peers::{Mta, exim, haraka, opensmtpd, postfix},
    postgres,
    sink::Sink,
};

/// A system under measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    LetterheadSqlite,
    LetterheadPostgres,
    Postfix,
    Haraka,
    Exim,
    Opensmtpd,
}

/// A system that runs.
#[derive(Debug)]
pub(crate) enum Running {
    Letterhead { service: Letterhead, door: Door },
    Mta(Mta),
}

impl Contender {
    /// Those that take part unless others are asked for, Letterhead first. Exim and `OpenSMTPD` do not finish a turn yet.
    pub(crate) const USUAL: [Self; 4] = [
        Self::LetterheadSqlite,
        Self::LetterheadPostgres,
        Self::Postfix,
        Self::Haraka,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LetterheadSqlite => "Letterhead, SQLite",
            Self::LetterheadPostgres => "Letterhead, PostgreSQL",
            Self::Postfix => "Postfix",
            Self::Haraka => "Haraka",
            Self::Exim => "Exim",
            Self::Opensmtpd => "OpenSMTPD",
        }
    }

    /// Its store, where it is Letterhead.
    pub(crate) const fn store(self) -> Option<StoreKind> {
        match self {
            Self::LetterheadSqlite => Some(StoreKind::Sqlite),
            Self::LetterheadPostgres => Some(StoreKind::Postgres),
            Self::Postfix | Self::Haraka | Self::Exim | Self::Opensmtpd => None,
        }
    }

    /// What it says it is; `None` where it cannot be asked.
    pub(crate) fn version(self, lab: &Lab) -> Option<String> {
        match self {
            Self::LetterheadSqlite => letterhead::version(&lab.letterhead).ok(),
            Self::LetterheadPostgres => postgres::version(),
            Self::Postfix => postfix::version(),
            Self::Haraka => haraka::version(&lab.peers_dir),
            Self::Exim => exim::version(&lab.peers_dir),
            Self::Opensmtpd => opensmtpd::version(&lab.peers_dir),
        }
    }

    /// Starts it, empty, with `sink` as the next hop of everything.
    pub(crate) async fn start(self, lab: &Lab, sink: &Sink) -> Result<Running> {
        let (work_dir, peers_dir, sink) = (&lab.work_dir, &lab.peers_dir, sink.address);
        let store = match self {
            Self::Postfix => return postfix::start(work_dir, sink).await.map(Running::Mta),
            Self::Haraka => return haraka::start(work_dir, peers_dir, sink).await.map(Running::Mta),
            Self::Exim => return exim::start(work_dir, peers_dir, sink).await.map(Running::Mta),
            Self::Opensmtpd => return opensmtpd::start(work_dir, peers_dir, sink).await.map(Running::Mta),
            Self::LetterheadSqlite => StoreKind::Sqlite,
            Self::LetterheadPostgres => StoreKind::Postgres,
        };
        let service = Letterhead::start(&lab.letterhead, work_dir, store, Part::Whole).await?;
        service.add_route(sink, lab.sizes.connections).await?;
        let door = service.door("acme", lab.sizes.tenants).await?;
        Ok(Running::Letterhead { service, door })
    }

    /// Whether the times of all its processes can be had: those of Exim's that nobody waits for are lost.
    pub(crate) const fn accounts_for_its_processes(self) -> bool {
        !matches!(self, Self::Exim)
    }
}

impl Running {
    /// Where messages are handed in.
    pub(crate) fn door(&self) -> Door {
        match self {
            Self::Letterhead { door, .. } => door.clone(),
            Self::Mta(mta) => Door::Smtp(mta.address),
        }
    }

    /// The processes that it is, database server included.
    pub(crate) fn roots(&self) -> Vec<u32> {
        match self {
            Self::Letterhead { service, .. } => service.roots(),
            Self::Mta(mta) => vec![mta.id()],
        }
    }
}
