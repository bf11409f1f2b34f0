//! One message at a time on an idle system: from the first octet of the submission to the arrival at the sink.
//!
//! All systems run; they take turns message by message, so that each meets the same machine.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::time::sleep;

use crate::{
    contender::{Contender, Running},
    lab::Lab,
    load::Door,
    message::{Letter, Tag},
    progress::tell,
    report::Section,
    rest::Connection,
    sink::Sink,
    smtp_load::Session,
    stats::{Latencies, Spread},
    submit,
};

/// Long enough for a system to finish what it does after a message has left it.
const PAUSE: Duration = Duration::from_millis(20);
/// A message that takes longer is a fault of the set-up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages of each system that do not count.
const WARM_UP: u32 = 20;

/// A system that runs, the way into it, and its rounds.
struct Seat {
    contender: Contender,
    entrance: Entrance,
    _system: Running,
    sink: Sink,
    next: u32,
    rounds: Vec<Latencies>,
}

enum Entrance {
    Rest(Connection, crate::load::Sender),
    Smtp(Session),
}

pub(crate) async fn run(lab: &Lab) -> Result<Section> {
    let sizes = &lab.sizes;
    let mut section = Section::new(
        "idle",
        format!(
            "submission → sink, one message of {} octets at a time, systems in turn, {} rounds of {}",
            sizes.letter, sizes.rounds, sizes.idle
        ),
    );
    let mut seats = Vec::new();
    for contender in &lab.contenders {
        match Seat::take(lab, *contender).await {
            Ok(seat) => seats.push(seat),
            Err(error) => section.note(format!("{}: {error:#}", contender.name())),
        }
    }
    let letter = Letter::of_size(sizes.letter);
    round(&mut seats, &letter, WARM_UP).await?;
    for number in 1..=sizes.rounds {
        let latencies = round(&mut seats, &letter, sizes.idle).await?;
        for (seat, latencies) in seats.iter_mut().zip(latencies) {
            tell(&format!(
                "idle {number}: {}: {}",
                seat.contender.name(),
                latencies.told()
            ));
            seat.rounds.push(latencies);
        }
    }
    write(&seats, &mut section);
    Ok(section)
}

/// One message of each system in turn, `count` times.
async fn round(seats: &mut [Seat], letter: &Letter, count: u32) -> Result<Vec<Latencies>> {
    let mut values = vec![Vec::new(); seats.len()];
    for _ in 0..count {
        for (seat, values) in seats.iter_mut().zip(&mut values) {
            values.push(seat.one(letter).await?);
            sleep(PAUSE).await;
        }
    }
    Ok(values.into_iter().map(Latencies::of).collect())
}

impl Seat {
    async fn take(lab: &Lab, contender: Contender) -> Result<Self> {
        let sink = Sink::start(Duration::ZERO)?;
        let system = contender.start(lab, &sink).await?;
        let entrance = match system.door() {
            Door::Rest { address, senders } => {
                let sender = senders.first().context("no tenant")?.clone();
                Entrance::Rest(Connection::open(address).await?, sender)
            }
            Door::Smtp(address) => Entrance::Smtp(Session::open(address).await?),
        };
        Ok(Self {
            contender,
            entrance,
            _system: system,
            sink,
            next: 0,
            rounds: Vec::new(),
        })
    }

    /// Sends a message and says how long it took to arrive.
    async fn one(&mut self, letter: &Letter) -> Result<Duration> {
        let tag = Tag {
            series: 1,
            number: self.next,
        };
        self.next += 1;
        self.sink.clear();
        let began = match &mut self.entrance {
            Entrance::Smtp(session) => {
                let began = Instant::now();
                session.send(letter, tag).await?;
                began
            }
            Entrance::Rest(connection, sender) => {
                let (mut body, mut request) = (String::new(), String::new());
                letter.write_json(&mut body, tag, None);
                submit::write_request(&mut request, sender, "messages", &body);
                let began = Instant::now();
                submit::submit(connection, request.as_bytes(), 1).await?;
                began
            }
        };
        if !self.sink.reached(1, PATIENCE).await {
            bail!(
                "{}: a message did not arrive within {PATIENCE:?}",
                self.contender.name()
            );
        }
        let arrival = self.sink.last().context("no arrival")?;
        if arrival.tag != tag {
            bail!("{}: another message than the one sent arrived", self.contender.name());
        }
        Ok(arrival.at.saturating_duration_since(began))
    }

    fn percentiles(&self, percent: usize) -> Vec<f64> {
        let values = self.rounds.iter().filter_map(|round| round.percentile_ms(percent));
        values.collect()
    }
}

fn write(seats: &[Seat], section: &mut Section) {
    for seat in seats {
        let name = seat.contender.name();
        section.add(name, ("p50", "ms"), Spread::of(seat.percentiles(50)));
        section.add(name, ("p99", "ms"), Spread::of(seat.percentiles(99)));
    }
    let Some(postfix) = seats.iter().find(|seat| seat.contender == Contender::Postfix) else {
        return;
    };
    for seat in seats.iter().filter(|seat| seat.contender.store().is_some()) {
        let of = format!("{} / Postfix", seat.contender.name());
        let ratio = |percent| Spread::of_ratios(&seat.percentiles(percent), &postfix.percentiles(percent));
        section.add(of.clone(), ("p50", "×"), ratio(50));
        section.add(of, ("p99", "×"), ratio(99));
    }
}
