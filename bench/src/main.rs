//! `bench`: measures Letterhead beside its peers.
//!
//! Both sides of every ratio come from one run on one machine, in interleaved rounds, each system alone while it is its
//! turn. What is not measured is not printed. `bench/README.md` says what each figure means.

mod contender;
mod lab;
mod letterhead;
mod load;
mod machine;
mod message;
mod options;
mod peers;
mod postgres;
mod process;
mod progress;
mod report;
mod rest;
mod scenario;
mod sink;
mod smtp_load;
mod stats;
mod store_limit;
mod submit;
mod usage;

use anyhow::{Result, bail};
use clap::Parser as _;
use domain::clock::Clock;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

use crate::{
    lab::Lab,
    machine::Machine,
    options::{Options, Scenario},
    progress::tell,
    report::{Report, Section},
};

fn main() -> Result<()> {
    let options = Options::parse();
    // One thread for the load generators: they must leave the cores to what they measure.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            ended = run(&options) => ended,
            // Leaving this way ends every process and removes every folder.
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            _ = terminated.recv() => bail!("told to stop"),
        }
    })
}

async fn run(options: &Options) -> Result<()> {
    let lab = options.lab();
    if !lab.letterhead.exists() {
        bail!("{} is not there; build it with `make bench`", lab.letterhead.display());
    }
    let versions: Vec<String> = lab
        .contenders
        .iter()
        .filter_map(|contender| contender.version(&lab))
        .collect();
    let mut report = Report {
        at: Clock::system().now().to_rfc3339(),
        command: std::env::args().collect::<Vec<_>>().join(" "),
        machine: Machine::look(&lab.work_dir)?,
        versions,
        scenarios: Vec::new(),
    };
    tell(&report.machine.sentence());
    tell(&report.versions.join(", "));
    for scenario in options.scenarios() {
        let section = measure(scenario, &lab).await?;
        section.print()?;
        report.scenarios.push(section);
        // After each scenario, so that a run that is broken off leaves what it has.
        report.write(&options.out)?;
    }
    tell(&format!("results in {}", options.out.display()));
    Ok(())
}

async fn measure(scenario: Scenario, lab: &Lab) -> Result<Section> {
    match scenario {
        Scenario::Throughput => scenario::throughput::run(lab).await,
        Scenario::Idle => scenario::idle::run(lab).await,
        Scenario::Backlog => scenario::backlog::run(lab).await,
        Scenario::Queued => scenario::queued::run(lab, "queued", &lab.sizes.depths).await,
        Scenario::Accept => scenario::accept::run(lab).await,
        Scenario::Neighbours => scenario::neighbours::run(lab).await,
        Scenario::Nodes => scenario::nodes::run(lab).await,
        Scenario::Fairness => scenario::fairness::run(lab).await,
        Scenario::Memory => {
            let longest = lab.sizes.depths.last().copied();
            scenario::queued::run(lab, "memory", longest.as_slice()).await
        }
    }
}
