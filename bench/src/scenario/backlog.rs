//! Two-factor codes of one tenant while another has a long queue and the next hop is slow.
//!
//! Codes are submitted at a steady pace, whatever becomes of them, so that a code which waits does not make the next one
//! wait (no coordinated omission).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::time::{interval, sleep};

use crate::{
    contender::Contender,
    lab::{Lab, settle_disks},
    letterhead::{Letterhead, Part},
    load::{BACKLOG_SERIES, Door, fill},
    message::{Letter, Tag, code_json},
    progress::tell,
    report::Section,
    rest::Connection,
    sink::Sink,
    stats::{Latencies, Spread, number},
    submit,
};

/// The next hop's answer to each dot.
const UPSTREAM: Duration = Duration::from_millis(10);
/// Between two codes.
const PACE: Duration = Duration::from_millis(25);
/// Time for the queue to get moving.
const RUN_UP: Duration = Duration::from_secs(1);
/// A code that has not arrived by then is counted as late as this.
const PATIENCE: Duration = Duration::from_secs(30);
const CODES: u32 = 1;

/// One store's round.
struct Turn {
    codes: Latencies,
    /// The other tenant's messages that arrived meanwhile, a second.
    flow: f64,
    missing: usize,
    queue_ran_out: bool,
}

pub(crate) async fn run(lab: &Lab) -> Result<Section> {
    let sizes = &lab.sizes;
    let method = format!(
        "two-factor, submission → sink, {} codes one every {} ms, {} messages of another tenant queued, upstream {} ms, {} connections, {} rounds",
        sizes.codes,
        PACE.as_millis(),
        sizes.backlog,
        UPSTREAM.as_millis(),
        sizes.connections,
        sizes.rounds
    );
    let mut section = Section::new("backlog", method);
    let mut turns: Vec<(Contender, Vec<Turn>)> = lab.stores().into_iter().map(|store| (store, Vec::new())).collect();
    for round in 1..=sizes.rounds {
        for (contender, turns) in &mut turns {
            let turn = turn(lab, *contender).await?;
            let name = contender.name();
            tell(&format!(
                "backlog {round}: {name}: {}; others {:.0}/s",
                turn.codes.told(),
                turn.flow
            ));
            if turn.missing > 0 {
                section.note(format!(
                    "{name}: {} codes did not arrive within {PATIENCE:?}",
                    turn.missing
                ));
            }
            if turn.queue_ran_out {
                section.note(format!(
                    "{name}: the queue ran out before the last code; take a longer one"
                ));
            }
            turns.push(turn);
        }
    }
    for (contender, turns) in &turns {
        let percentile = |percent| Spread::of(turns.iter().filter_map(|turn| turn.codes.percentile_ms(percent)));
        section.add(contender.name(), ("codes p50", "ms"), percentile(50));
        section.add(contender.name(), ("codes p99", "ms"), percentile(99));
        section.add(
            contender.name(),
            ("the others", "/s"),
            Spread::of(turns.iter().map(|turn| turn.flow)),
        );
    }
    Ok(section)
}

async fn turn(lab: &Lab, contender: Contender) -> Result<Turn> {
    let sizes = &lab.sizes;
    let store = contender.store().context("not Letterhead")?;
    let service = Letterhead::start(&lab.letterhead, &lab.work_dir, store, Part::Whole).await?;
    let (big, small) = (service.door("big", 1).await?, service.door("small", 1).await?);
    fill(&big, &Letter::of_size(sizes.letter), (BACKLOG_SERIES, sizes.backlog)).await?;
    settle_disks();
    let sink = Sink::start(UPSTREAM)?;
    service.add_route(sink.address, sizes.connections).await?;
    sink.reached(1, PATIENCE).await;
    sleep(RUN_UP).await;
    let (before, began) = (sink.count_of(BACKLOG_SERIES), Instant::now());
    let submitted = submit_codes(&small, sizes.codes).await?;
    let (after, took) = (sink.count_of(BACKLOG_SERIES), began.elapsed());
    let expected = submitted.len();
    while sink.count_of(CODES) < expected && began.elapsed() < took + PATIENCE {
        sleep(PACE).await;
    }
    Ok(Turn {
        flow: number(after - before) / took.as_secs_f64(),
        missing: expected.saturating_sub(sink.count_of(CODES)),
        queue_ran_out: after >= usize::try_from(sizes.backlog)?,
        codes: latencies(&sink, &submitted),
    })
}

/// When each code was submitted, by its number.
async fn submit_codes(door: &Door, codes: u32) -> Result<Vec<Instant>> {
    let Door::Rest { address, senders } = door else {
        return Ok(Vec::new());
    };
    let sender = senders.first().context("no tenant")?;
    let mut pace = interval(PACE);
    let mut connection = Connection::open(*address).await?;
    let mut submitted = Vec::new();
    for number in 0..codes {
        pace.tick().await;
        let mut request = String::new();
        let body = code_json(Tag { series: CODES, number });
        submit::write_request(&mut request, sender, "messages", &body);
        submitted.push(Instant::now());
        submit::submit(&mut connection, request.as_bytes(), 1).await?;
    }
    Ok(submitted)
}

fn latencies(sink: &Sink, submitted: &[Instant]) -> Latencies {
    let mut took = vec![PATIENCE; submitted.len()];
    for arrival in sink.arrivals().iter().filter(|arrival| arrival.tag.series == CODES) {
        let number = usize::try_from(arrival.tag.number).unwrap_or(usize::MAX);
        if let (Some(took), Some(began)) = (took.get_mut(number), submitted.get(number)) {
            *took = arrival.at.saturating_duration_since(*began);
        }
    }
    Latencies::of(took)
}
