//! End to end under load: from the first submission to the last arrival at the sink, everything durable on its way.

use std::time::Duration;

use anyhow::Result;

use crate::{
    contender::{Contender, Running},
    lab::{Lab, settle_disks},
    load::{Load, hand_in},
    message::Letter,
    progress::tell,
    report::Section,
    sink::Sink,
    stats::{Spread, millis, number},
    usage::{self, PeakMemory},
};

/// What is still to be written when the last message has arrived belongs to it.
const AFTERMATH: Duration = Duration::from_millis(500);

/// One system's turn in one round.
#[derive(Debug)]
struct Turn {
    rate: f64,
    cpu_ms: f64,
    peak_mib: f64,
    arrived: usize,
    accepted: usize,
    duplicates: usize,
}

/// One system's turns.
struct Lane {
    contender: Contender,
    turns: Vec<Turn>,
}

pub(crate) async fn run(lab: &Lab) -> Result<Section> {
    let sizes = &lab.sizes;
    let mut section = Section::new(
        "throughput",
        format!(
            "{} messages of {} octets, {} connections, {} tenants, {} rounds",
            sizes.messages, sizes.letter, sizes.connections, sizes.tenants, sizes.rounds
        ),
    );
    let mut lanes: Vec<Lane> = lab.contenders.iter().map(|contender| Lane::of(*contender)).collect();
    for round in 1..=sizes.rounds {
        let mut absent = Vec::new();
        for lane in &mut lanes {
            let name = lane.contender.name();
            match turn(lab, lane.contender).await {
                Ok(turn) => {
                    tell(&format!(
                        "throughput {round}: {name} {:.0}/s, {:.2} ms CPU",
                        turn.rate, turn.cpu_ms
                    ));
                    lane.check(&turn, &mut section);
                    lane.turns.push(turn);
                }
                Err(error) => {
                    tell(&format!("throughput {round}: {name}: {error:#}"));
                    section.note(format!("{name}: {error:#}"));
                    absent.push(lane.contender);
                }
            }
        }
        lanes.retain(|lane| !absent.contains(&lane.contender));
    }
    write(&lanes, &mut section);
    Ok(section)
}

/// Starts a system, loads it and ends it: nobody's aftermath falls into another's turn.
async fn turn(lab: &Lab, contender: Contender) -> Result<Turn> {
    let sizes = &lab.sizes;
    let sink = Sink::start(Duration::ZERO)?;
    let system = contender.start(lab, &sink).await?;
    let load = |messages| Load::of(Letter::of_size(sizes.letter), messages, sizes.connections).within(sizes.turn);
    let warm_up = hand_in(&system.door(), load(sizes.warm_up).series(0)).await?;
    sink.reached(warm_up.accepted, sizes.turn).await;
    settle_disks();
    sink.clear();
    let mut turn = measure(&system, &sink, load(sizes.messages)).await?;
    if !contender.accounts_for_its_processes() {
        turn.cpu_ms = f64::NAN;
        turn.peak_mib = f64::NAN;
    }
    Ok(turn)
}

async fn measure(system: &Running, sink: &Sink, load: Load) -> Result<Turn> {
    let (roots, limit) = (system.roots(), load.limit);
    let memory = PeakMemory::watch(roots.clone());
    let before = usage::processor_time(&roots);
    let taken = hand_in(&system.door(), load).await?;
    sink.reached(taken.accepted, limit.saturating_sub(taken.began.elapsed()))
        .await;
    let arrivals = sink.arrivals();
    let took = arrivals.last().map_or(limit, |last| last.at - taken.began);
    tokio::time::sleep(AFTERMATH).await;
    let cpu = usage::processor_time(&roots).saturating_sub(before);
    let arrived = number(arrivals.len());
    Ok(Turn {
        rate: arrived / took.as_secs_f64(),
        cpu_ms: millis(cpu) / arrived,
        peak_mib: memory.peak_mib(),
        arrived: arrivals.len(),
        accepted: taken.accepted,
        duplicates: sink.duplicates(),
    })
}

impl Lane {
    const fn of(contender: Contender) -> Self {
        Self {
            contender,
            turns: Vec::new(),
        }
    }

    fn values(&self, figure: impl Fn(&Turn) -> f64) -> Vec<f64> {
        self.turns.iter().map(figure).collect()
    }

    /// Says where a turn was cut short, and what arrived twice.
    fn check(&self, turn: &Turn, section: &mut Section) {
        let (name, arrived, accepted) = (self.contender.name(), turn.arrived, turn.accepted);
        if arrived < accepted {
            section.note(format!(
                "{name}: cut at the time limit, {arrived} of {accepted} had arrived"
            ));
        }
        if turn.duplicates > 0 {
            section.note(format!("{name}: {} messages arrived twice", turn.duplicates));
        }
        if !self.contender.accounts_for_its_processes() {
            section.note(format!(
                "{name}: processor time and memory not measured, its processes are not waited for"
            ));
        }
    }
}

fn write(lanes: &[Lane], section: &mut Section) {
    for lane in lanes {
        let name = lane.contender.name();
        section.add(name, ("end to end", "/s"), Spread::of(lane.values(|turn| turn.rate)));
        section.add(
            name,
            ("CPU a message", "ms"),
            Spread::of(lane.values(|turn| turn.cpu_ms)),
        );
        section.add(
            name,
            ("peak memory", "MiB"),
            Spread::of(lane.values(|turn| turn.peak_mib)),
        );
    }
    let Some(postfix) = lanes.iter().find(|lane| lane.contender == Contender::Postfix) else {
        return;
    };
    for lane in lanes.iter().filter(|lane| lane.contender.store().is_some()) {
        let of = format!("{} / Postfix", lane.contender.name());
        let ratio = |figure: fn(&Turn) -> f64| Spread::of_ratios(&lane.values(figure), &postfix.values(figure));
        section.add(of.clone(), ("end to end", "×"), ratio(|turn| turn.rate));
        section.add(of, ("CPU a message", "×"), ratio(|turn| turn.cpu_ms));
    }
}
