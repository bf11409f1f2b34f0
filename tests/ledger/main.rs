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
mod json;
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
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Mutex;

use crate::{
    plan::{FaultKind, Plan, StoreKind},
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

/// Both stores side by side.
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
    let (apart, together): (Vec<FaultKind>, Vec<FaultKind>) = plan
        .faults_of(store)
        .into_iter()
        .partition(|fault| fault.is_felt_by_all());
    let reckon = |fault| reckon(fault, &ground, plan, beside);
    let side_by_side = stream::iter(together).map(reckon).buffered(plan.side_by_side());
    let mut ledgers: Vec<Ledger> = side_by_side.try_collect().await?;
    for fault in apart {
        ledgers.push(reckon(fault).await?);
    }
    Ok(ledgers)
}

async fn reckon(fault: FaultKind, ground: &Ground, plan: &Plan, beside: &Path) -> Fallible<Ledger> {
    let name = format!("{} {}", ground.store.as_str(), fault.as_str());
    let ledger = faults::inflict(fault, ground, plan).await;
    let ledger = ledger.map_err(|trouble| format!("{name}: {trouble}"))?;
    ledger.write(&results(beside))?;
    say(&format!(
        "{name}: {}\n",
        if ledger.holds() { "holds" } else { "BROKEN" }
    ));
    Ok(ledger)
}

/// `target/ledger`, where this program lies in `target/debug` or `target/release`.
fn results(beside: &Path) -> PathBuf {
    beside.parent().unwrap_or(beside).join("ledger")
}

fn say(text: &str) {
    // Whoever closed our standard output does not want to hear.
    std::io::stdout().write_all(text.as_bytes()).ok();
}
