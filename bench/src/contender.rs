//! The systems that are measured side by side, each started for one turn and ended after it.

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    lab::Lab,
    letterhead::{self, Letterhead, Part, StoreKind},
    load::Door,
    peers::postfix::{self, Postfix},
    postgres,
    sink::Sink,
};

/// A system under measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    LetterheadSqlite,
    LetterheadPostgres,
    Postfix,
}

/// A system that runs.
#[derive(Debug)]
pub(crate) enum Running {
    Letterhead { service: Letterhead, door: Door },
    Postfix(Postfix),
}

impl Contender {
    /// All of them, Letterhead first.
    pub(crate) const ALL: [Self; 3] = [Self::LetterheadSqlite, Self::LetterheadPostgres, Self::Postfix];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LetterheadSqlite => "Letterhead, SQLite",
            Self::LetterheadPostgres => "Letterhead, PostgreSQL",
            Self::Postfix => "Postfix",
        }
    }

    /// Its store, where it is Letterhead.
    pub(crate) const fn store(self) -> Option<StoreKind> {
        match self {
            Self::LetterheadSqlite => Some(StoreKind::Sqlite),
            Self::LetterheadPostgres => Some(StoreKind::Postgres),
            Self::Postfix => None,
        }
    }

    /// What it says it is; `None` where it cannot be asked.
    pub(crate) fn version(self, lab: &Lab) -> Option<String> {
        match self {
            Self::LetterheadSqlite => letterhead::version(&lab.letterhead).ok(),
            Self::LetterheadPostgres => postgres::version(),
            Self::Postfix => postfix::version(),
        }
    }

    /// Starts it, empty, with `sink` as the next hop of everything.
    pub(crate) async fn start(self, lab: &Lab, sink: &Sink) -> Result<Running> {
        if let Some(store) = self.store() {
            let service = Letterhead::start(&lab.letterhead, &lab.work_dir, store, Part::Whole).await?;
            service.add_route(sink.address, lab.sizes.connections).await?;
            let door = service.door("acme", lab.sizes.tenants).await?;
            return Ok(Running::Letterhead { service, door });
        }
        Ok(Running::Postfix(Postfix::start(&lab.work_dir, sink.address).await?))
    }
}

impl Running {
    /// Where messages are handed in.
    pub(crate) fn door(&self) -> Door {
        match self {
            Self::Letterhead { door, .. } => door.clone(),
            Self::Postfix(postfix) => Door::Smtp(postfix.address),
        }
    }

    /// The processes that it is, database server included.
    pub(crate) fn roots(&self) -> Vec<u32> {
        match self {
            Self::Letterhead { service, .. } => service.roots(),
            Self::Postfix(postfix) => vec![postfix.id()],
        }
    }
}
