//! What tenants notice while another tenant's own server is dead and a long queue waits for it.
//!
//! Each round takes two turns, the same steady load on an empty service: first without the unlucky tenant, then beside it.
//! The neighbours leave by both ways out, over the shared relay and through a server of their own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::{net::TcpSocket, task::JoinSet, time::interval_at};

use crate::{
    contender::Contender,
    lab::{Lab, Sizes, settle_disks},
    letterhead::{Letterhead, Part},
    load::{BACKLOG_SERIES, Door, Sender, fill},
    message::{Letter, Tag},
    progress::tell,
    report::Section,
    rest::Connection,
    sink::Sink,
    stats::{Latencies, Spread},
    submit,
};

/// Tenants on the shared relay.
const SHARED: u32 = 3;
/// They, and one on-premises tenant whose own server lives.
const NEIGHBOURS: u32 = SHARED + 1;
/// The neighbours' recipients, a series each.
const FIRST_SERIES: u32 = 30;
/// Between two messages, over all neighbours.
const PACE: Duration = Duration::from_millis(10);
/// A timer may be so late without its lateness being the service's.
const TIMER_SLACK: Duration = Duration::from_millis(2);
/// Messages of the load that come first and do not count are one in so many.
const RUN_UP_PART: u32 = 10;
/// A message that has not arrived by then is counted as late as this.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of the unlucky tenant's deliveries, so many may be in hand while the others are counted.
const IN_HAND: u64 = 128;
/// Whose server is dead.
const UNLUCKY: &str = "unlucky";

/// What a turn is beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nobody,
    TheUnlucky,
}

/// One turn.
struct Turn {
    latencies: Latencies,
    missing: usize,
    /// The unlucky tenant's deliveries that still wait at the end.
    waiting: u64,
}

/// The turns of one store, round by round.
struct Lane {
    contender: Contender,
    alone: Vec<Turn>,
    beside: Vec<Turn>,
}

pub(crate) async fn run(lab: &Lab) -> Result<Section> {
    let sizes = &lab.sizes;
    let method = format!(
        "submission → sink of {SHARED} tenants on the shared relay and one with a server of its own, {} messages, one every {} ms; alone, and beside a tenant whose server is dead with {} messages queued; {} rounds of both",
        sizes.neighbours,
        PACE.as_millis(),
        sizes.backlog,
        sizes.rounds
    );
    let mut section = Section::new("neighbours", method);
    let lane = |contender| Lane {
        contender,
        alone: Vec::new(),
        beside: Vec::new(),
    };
    let mut lanes: Vec<Lane> = lab.stores().into_iter().map(lane).collect();
    for round in 1..=sizes.rounds {
        for lane in &mut lanes {
            for beside in [Beside::Nobody, Beside::TheUnlucky] {
                let turn = turn(lab, lane.contender, beside).await?;
                let (name, told) = (lane.contender.name(), turn.latencies.told());
                tell(&format!("neighbours {round}: {name}: {}: {told}", beside.words()));
                lane.keep(beside, turn, (sizes, &mut section));
            }
        }
    }
    for lane in &lanes {
        lane.write(&mut section);
    }
    Ok(section)
}

impl Beside {
    const fn words(self) -> &'static str {
        match self {
            Self::Nobody => "alone",
            Self::TheUnlucky => "beside the dead route",
        }
    }
}

impl Lane {
    fn keep(&mut self, beside: Beside, turn: Turn, (sizes, section): (&Sizes, &mut Section)) {
        let (name, words) = (self.contender.name(), beside.words());
        if turn.missing > 0 {
            section.note(format!(
                "{name}, {words}: {} messages did not arrive within {PATIENCE:?}",
                turn.missing
            ));
        }
        match beside {
            Beside::Nobody => self.alone.push(turn),
            Beside::TheUnlucky => {
                if turn.waiting + IN_HAND < u64::from(sizes.backlog) {
                    section.note(format!(
                        "{name}: only {} messages of the unlucky tenant waited to the end",
                        turn.waiting
                    ));
                }
                self.beside.push(turn);
            }
        }
    }

    fn write(&self, section: &mut Section) {
        let name = self.contender.name();
        for percent in [
            (50, ["alone p50", "beside p50", "p50"]),
            (95, ["alone p95", "beside p95", "p95"]),
        ] {
            let (percent, [alone_name, beside_name, ratio_name]) = percent;
            let of = |turns: &[Turn]| -> Vec<f64> {
                let values = turns.iter().filter_map(|turn| turn.latencies.percentile_ms(percent));
                values.collect()
            };
            let (alone, beside) = (of(&self.alone), of(&self.beside));
            let ratio = Spread::of_ratios(&beside, &alone);
            section.add(name, (alone_name, "ms"), Spread::of(alone));
            section.add(name, (beside_name, "ms"), Spread::of(beside));
            section.add(format!("{name}, beside / alone"), (ratio_name, "×"), ratio);
        }
    }
}

async fn turn(lab: &Lab, contender: Contender, beside: Beside) -> Result<Turn> {
    let sizes = &lab.sizes;
    let store = contender.store().context("not Letterhead")?;
    let service = Letterhead::start(&lab.letterhead, &lab.work_dir, store, Part::Whole).await?;
    let sink = Sink::start(Duration::ZERO)?;
    service.add_route(sink.address, sizes.connections).await?;
    let letter = Letter::of_size(sizes.letter);
    let neighbours = neighbours(&service, sink.address).await?;
    // Bound and not listening: nobody else gets the port, and whoever connects is refused.
    let dead = TcpSocket::new_v4()?;
    dead.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    if beside == Beside::TheUnlucky {
        let unlucky = service.add_own_server_tenant(UNLUCKY, dead.local_addr()?).await?;
        let door = Door::Rest {
            address: service.address,
            senders: [unlucky].into(),
        };
        fill(&door, &letter, (BACKLOG_SERIES, sizes.backlog)).await?;
    }
    settle_disks();
    let run_up = (sizes.neighbours / RUN_UP_PART).max(NEIGHBOURS);
    hand_in(service.address, &neighbours, &letter, 0..run_up).await?;
    let counted = run_up..run_up + sizes.neighbours;
    let handed_in = hand_in(service.address, &neighbours, &letter, counted).await?;
    let expected = usize::try_from(run_up)? + handed_in.len();
    sink.reached(expected, PATIENCE).await;
    let waiting = match beside {
        Beside::Nobody => 0,
        Beside::TheUnlucky => waiting(&service).await?,
    };
    Ok(Turn {
        missing: expected.saturating_sub(sink.count()),
        latencies: latencies(&sink, &handed_in),
        waiting,
    })
}

async fn neighbours(service: &Letterhead, sink: SocketAddr) -> Result<Vec<Sender>> {
    let mut neighbours = Vec::new();
    for place in 0..SHARED {
        neighbours.push(service.add_tenant(&format!("neighbour-{place}")).await?);
    }
    neighbours.push(service.add_own_server_tenant("neighbour-own", sink).await?);
    Ok(neighbours)
}

/// Submits messages of these numbers at a steady pace, the neighbours in turn and each over a connection of its own, so
/// that an answer which is late delays nobody else's. When each was due to be submitted, by its tag.
async fn hand_in(
    address: SocketAddr,
    neighbours: &[Sender],
    letter: &Letter,
    numbers: std::ops::Range<u32>,
) -> Result<Vec<(Tag, Instant)>> {
    let start = tokio::time::Instant::now() + PACE;
    let mut all = JoinSet::new();
    for (place, sender) in (0..NEIGHBOURS).zip(neighbours) {
        let (sender, letter) = (sender.clone(), letter.clone());
        let own: Vec<u32> = numbers.clone().filter(|number| number % NEIGHBOURS == place).collect();
        let mut pace = interval_at(start + PACE * place, PACE * NEIGHBOURS);
        let mut connection = Connection::open(address).await?;
        all.spawn(async move {
            let (mut request, mut handed_in) = (String::new(), Vec::new());
            for number in own {
                let tag = Tag {
                    series: FIRST_SERIES + place,
                    number,
                };
                let (mut body, due) = (String::new(), pace.tick().await.into_std());
                letter.write_json(&mut body, tag, None);
                request.clear();
                submit::write_request(&mut request, &sender, "messages", &body);
                handed_in.push((tag, since(due, Instant::now())));
                submit::submit(&mut connection, request.as_bytes(), 1).await?;
            }
            anyhow::Ok(handed_in)
        });
    }
    let mut handed_in = Vec::new();
    while let Some(own) = all.join_next().await {
        handed_in.extend(own??);
    }
    Ok(handed_in)
}

/// Since when a message counts: since it was due, where the service's last answer kept it waiting.
fn since(due: Instant, now: Instant) -> Instant {
    if now.saturating_duration_since(due) > TIMER_SLACK {
        due
    } else {
        now
    }
}

/// How much of the unlucky tenant waits.
async fn waiting(service: &Letterhead) -> Result<u64> {
    let overview = service.operate("GET", "/v1/relay/overview", &Value::Null).await?;
    let tenants = overview.pointer("/depth/by_tenant").and_then(Value::as_array);
    let unlucky = tenants
        .into_iter()
        .flatten()
        .find(|tenant| tenant.get("slug").and_then(Value::as_str) == Some(UNLUCKY));
    Ok(unlucky
        .and_then(|tenant| tenant.get("waiting")?.as_u64())
        .unwrap_or_default())
}

fn latencies(sink: &Sink, handed_in: &[(Tag, Instant)]) -> Latencies {
    let arrived: std::collections::HashMap<Tag, Instant> = sink
        .arrivals()
        .into_iter()
        .rev()
        .map(|arrival| (arrival.tag, arrival.at))
        .collect();
    let took = handed_in.iter().map(|(tag, began)| {
        let at = arrived.get(tag);
        at.map_or(PATIENCE, |at| at.saturating_duration_since(*began))
    });
    Latencies::of(took.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_since_it_was_due_where_an_answer_kept_it_waiting() {
        let due = Instant::now();
        let (soon, late) = (due + Duration::from_millis(1), due + Duration::from_millis(30));

        assert_eq!(since(due, soon), soon);
        assert_eq!(since(due, late), due);
    }
}
