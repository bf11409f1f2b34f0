//! `make ledger`: accepted by the API, received by a sink, state in the store: three columns that must agree, whatever is
//! killed, stopped, cut off or full meanwhile.
//!
//! It drives the real program from outside. One file of `faults/` is one thing that is done to it; `check` is the
//! reckoning, and its own tests forge ledgers that it must refuse.

mod book;
mod calm;
mod campaign;
mod check;
mod faults;
mod load;
mod mix;
mod plan;
mod postgres;
mod process;
mod proxy;
mod report;
mod rest;
mod sink;
mod site;
mod small_disk;
mod trouble;
mod violation;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser as _;
use tokio::sync::Mutex;

use crate::{
    plan::{Plan, StoreKind},
    postgres::Cluster,
    report::{Ledger, table},
    site::Ground,
    trouble::Fallible,
};

#[tokio::main]
async fn main() -> ExitCode {
    let plan = Plan::parse();
    match run(&plan).await {
        Ok(ledgers) => {
            say(&table(&ledgers));
            ExitCode::from(u8::from(!ledgers.iter().all(Ledger::holds)))
        }
        Err(trouble) => {
            say(&format!("the ledger could not be made: {trouble}\n"));
            ExitCode::from(2)
        }
    }
}

/// Both stores side by side, the faults of each one after another.
async fn run(plan: &Plan) -> Fallible<Vec<Ledger>> {
    let stores = plan.stores().into_iter().map(|store| on_store(plan, store));
    let ledgers = futures_util::future::try_join_all(stores).await?;
    Ok(ledgers.into_iter().flatten().collect())
}

async fn on_store(plan: &Plan, store: StoreKind) -> Fallible<Vec<Ledger>> {
    let built = std::env::current_exe()?;
    let beside = built.parent().ok_or("this program lies nowhere")?;
    let program = plan.program.clone().unwrap_or_else(|| beside.join("letterhead"));
    let cluster = match store {
        StoreKind::Sqlite => None,
        StoreKind::Postgres => {
            let cluster = Cluster::start(plan.postgres_programs.as_deref()).await?;
            Some(Arc::new(Mutex::new(cluster)))
        }
    };
    let ground = Ground {
        program: std::path::absolute(program)?,
        store,
        cluster,
    };
    let mut ledgers = Vec::new();
    for fault in plan.faults_of(store) {
        let ledger = faults::inflict(fault, &ground, plan)
            .await
            .map_err(|trouble| format!("{} {}: {trouble}", store.as_str(), fault.as_str()))?;
        ledger.write(&results(beside))?;
        say(&format!(
            "{} {}: {}\n",
            store.as_str(),
            fault.as_str(),
            if ledger.holds() { "holds" } else { "BROKEN" }
        ));
        ledgers.push(ledger);
    }
    Ok(ledgers)
}

/// `target/ledger`, where this program lies in `target/debug` or `target/release`.
fn results(beside: &Path) -> PathBuf {
    beside.parent().unwrap_or(beside).join("ledger")
}

fn say(text: &str) {
    // Whoever closed our standard output does not want to hear.
    std::io::stdout().write_all(text.as_bytes()).ok();
}
