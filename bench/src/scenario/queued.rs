//! What a message costs with few and with many others queued, and how much memory a long queue takes.
//!
//! Services with queues of different length run side by side and are measured in turns, the others paused. While one is
//! measured its queue keeps its length: for each message that leaves, one is submitted, so every message counted was
//! accepted once and sent once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{sync::Semaphore, time::sleep};

use crate::{
    contender::Contender,
    lab::{Lab, settle_disks},
    letterhead::{Letterhead, Part, Switch},
    load::{BACKLOG_SERIES, Door, Load, fill, hand_in},
    message::Letter,
    progress::tell,
    report::Section,
    sink::Sink,
    stats::{Spread, millis, number},
    usage::{self, PeakMemory},
};

/// Between two looks at how many have left.
const LOOK: Duration = Duration::from_millis(1);
/// A paused service has stopped sending by then.
const QUIET: Duration = Duration::from_secs(1);

/// A turn that takes longer is broken.
const PATIENCE: Duration = Duration::from_mins(10);

/// A service with a queue of a given length.
struct Queue {
    depth: u32,
    service: Letterhead,
    door: Door,
    sink: Arc<Sink>,
    /// Made for the first turn: until then nothing leaves.
    route: Option<String>,
    turns: Vec<Turn>,
}

/// One measured stretch.
struct Turn {
    rate: f64,
    cpu_ms: f64,
    peak_mib: f64,
}

pub(crate) async fn run(lab: &Lab, name: &'static str, depths: &[u32]) -> Result<Section> {
    let sizes = &lab.sizes;
    let method = format!(
        "{} messages sent and as many submitted while so many stay queued, {} rounds; memory of Letterhead's own process",
        sizes.steady, sizes.rounds
    );
    let mut section = Section::new(name, method);
    for contender in lab.stores() {
        let mut queues = Vec::new();
        for depth in depths {
            queues.push(Queue::make(lab, contender, *depth).await?);
        }
        for round in 1..=sizes.rounds {
            for queue in &mut queues {
                let turn = queue.turn(lab).await?;
                let (name, depth) = (contender.name(), queue.depth);
                tell(&format!(
                    "queued {round}: {name}, {depth}: {:.0}/s, {:.2} ms CPU, {:.0} MiB",
                    turn.rate, turn.cpu_ms, turn.peak_mib
                ));
                queue.turns.push(turn);
            }
        }
        write(contender, &queues, &mut section);
    }
    Ok(section)
}

impl Queue {
    async fn make(lab: &Lab, contender: Contender, depth: u32) -> Result<Self> {
        let sizes = &lab.sizes;
        let store = contender.store().context("not Letterhead")?;
        let service = Letterhead::start(&lab.letterhead, &lab.work_dir, store, Part::Whole).await?;
        let door = service.door("acme", sizes.tenants).await?;
        let sink = Arc::new(Sink::start(Duration::ZERO)?);
        tell(&format!("queued: filling {depth} for {}", contender.name()));
        fill(&door, &Letter::of_size(sizes.letter), (BACKLOG_SERIES, depth)).await?;
        Ok(Self {
            depth,
            service,
            door,
            sink,
            route: None,
            turns: Vec::new(),
        })
    }

    /// Submits a message for each that leaves, from the first one on, and measures once it is under way.
    async fn turn(&mut self, lab: &Lab) -> Result<Turn> {
        let sizes = &lab.sizes;
        settle_disks();
        sleep(QUIET).await;
        self.sink.clear();
        let left = Arc::new(Semaphore::new(0));
        let feeder = tokio::spawn(feed(Arc::clone(&self.sink), Arc::clone(&left)));
        let load = Load::of(
            Letter::of_size(sizes.letter),
            sizes.warm_up + sizes.steady,
            sizes.connections,
        );
        let door = self.door.clone();
        let submitting = tokio::spawn(async move { hand_in(&door, load.after(left)).await });
        let route = self.open(sizes.connections).await?;
        let turn = self.measure(sizes.warm_up, sizes.steady).await?;
        let submitted = submitting.await??.accepted;
        feeder.abort();
        self.service.switch_route(&route, Switch::Pause).await?;
        self.replace(sizes.letter, submitted).await?;
        Ok(turn)
    }

    /// Lets mail leave.
    async fn open(&mut self, connections: usize) -> Result<String> {
        if let Some(route) = &self.route {
            self.service.switch_route(route, Switch::Resume).await?;
            return Ok(route.clone());
        }
        let route = self.service.add_route(self.sink.address, connections).await?;
        Ok(self.route.insert(route).clone())
    }

    /// Queues as many as have left since the last submission.
    async fn replace(&self, letter: usize, submitted: usize) -> Result<()> {
        sleep(QUIET).await;
        match u32::try_from(self.sink.count().saturating_sub(submitted))? {
            0 => Ok(()),
            gone => fill(&self.door, &Letter::of_size(letter), (BACKLOG_SERIES, gone)).await,
        }
    }

    async fn measure(&self, warm_up: u32, messages: u32) -> Result<Turn> {
        let (roots, memory) = (self.service.roots(), PeakMemory::watch(self.service.own_roots()));
        self.sent(warm_up).await?;
        let (first, began) = (self.sink.count(), Instant::now());
        let before = usage::processor_time(&roots);
        self.sent(warm_up + messages).await?;
        let (sent, took) = (number(self.sink.count() - first), began.elapsed());
        let cpu = usage::processor_time(&roots).saturating_sub(before);
        Ok(Turn {
            rate: sent / took.as_secs_f64(),
            cpu_ms: millis(cpu) / sent,
            peak_mib: memory.peak_mib(),
        })
    }

    async fn sent(&self, count: u32) -> Result<()> {
        if self.sink.reached(usize::try_from(count)?, PATIENCE).await {
            return Ok(());
        }
        bail!(
            "{} of {count} messages were sent within {PATIENCE:?}",
            self.sink.count()
        )
    }
}

/// Gives a permit for each message that leaves.
async fn feed(sink: Arc<Sink>, permits: Arc<Semaphore>) {
    let mut seen = 0;
    loop {
        let count = sink.count();
        permits.add_permits(count - seen);
        seen = count;
        sleep(LOOK).await;
    }
}

fn write(contender: Contender, queues: &[Queue], section: &mut Section) {
    let values = |queue: &Queue, figure: fn(&Turn) -> f64| queue.turns.iter().map(figure).collect::<Vec<f64>>();
    for queue in queues {
        let of = format!("{}, {} queued", contender.name(), queue.depth);
        section.add(of.clone(), ("sent", "/s"), Spread::of(values(queue, |turn| turn.rate)));
        section.add(
            of.clone(),
            ("CPU a message", "ms"),
            Spread::of(values(queue, |turn| turn.cpu_ms)),
        );
        section.add(
            of,
            ("peak memory", "MiB"),
            Spread::of(values(queue, |turn| turn.peak_mib)),
        );
    }
    let Some((shallow, deeper)) = queues.split_first() else {
        return;
    };
    for deep in deeper {
        let of = format!("{}, {} / {} queued", contender.name(), deep.depth, shallow.depth);
        let ratio = |figure: fn(&Turn) -> f64| Spread::of_ratios(&values(deep, figure), &values(shallow, figure));
        section.add(of.clone(), ("CPU a message", "×"), ratio(|turn| turn.cpu_ms));
        section.add(of, ("time a message", "×"), ratio(|turn| 1.0 / turn.rate));
    }
}
