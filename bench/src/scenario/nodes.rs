//! One, two and four relay processes on one PostgreSQL, with a next hop so slow that sending bounds.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{
    contender::Contender,
    lab::{Lab, settle_disks},
    letterhead::{Letterhead, Part, StoreKind},
    load::{BACKLOG_SERIES, fill},
    message::Letter,
    progress::tell,
    report::Section,
    sink::{Arrival, Sink},
    stats::{Spread, number},
};

/// The next hop's answer to each dot.
const UPSTREAM: Duration = Duration::from_millis(20);
/// What the product gives a route that does not say.
const CONNECTIONS: usize = 10;
const COUNTS: [u32; 3] = [1, 2, 4];

pub(crate) async fn run(lab: &Lab) -> Result<Section> {
    let sizes = &lab.sizes;
    let method = format!(
        "`serve --only relay` × 1, 2, 4 on one PostgreSQL, {} queued messages each, upstream {} ms, {CONNECTIONS} connections a process, {} rounds",
        sizes.a_node,
        UPSTREAM.as_millis(),
        sizes.rounds
    );
    let mut section = Section::new("nodes", method);
    if !lab.contenders.contains(&Contender::LetterheadPostgres) {
        section.note("not measured: PostgreSQL was not asked for, and SQLite serves one process");
        return Ok(section);
    }
    let mut rates = COUNTS.map(|count| (count, Vec::new()));
    for round in 1..=sizes.rounds {
        for (count, rates) in &mut rates {
            let rate = turn(lab, *count).await?;
            tell(&format!("nodes {round}: {count}: {rate:.0}/s"));
            rates.push(rate);
        }
    }
    write(&rates, &mut section);
    Ok(section)
}

/// Messages a second, from the first tenth to the last tenth: starting and running out do not count.
async fn turn(lab: &Lab, count: u32) -> Result<f64> {
    let sizes = &lab.sizes;
    let mut service = Letterhead::start(&lab.letterhead, &lab.work_dir, StoreKind::Postgres, Part::Api).await?;
    let door = service.door("acme", sizes.tenants).await?;
    let messages = sizes.a_node * count;
    fill(&door, &Letter::of_size(sizes.letter), (BACKLOG_SERIES, messages)).await?;
    for _ in 0..count {
        service.add_relay().await?;
    }
    settle_disks();
    let sink = Sink::start(UPSTREAM)?;
    service.add_route(sink.address, CONNECTIONS).await?;
    let began = Instant::now();
    sink.reached(usize::try_from(messages)?, sizes.turn).await;
    steady_rate(&sink.arrivals()).with_context(|| format!("nothing arrived within {:?}", began.elapsed()))
}

fn steady_rate(arrivals: &[Arrival]) -> Result<f64> {
    let tenth = arrivals.len() / 10;
    let (Some(first), Some(last)) = (
        arrivals.get(tenth),
        arrivals.get(arrivals.len().saturating_sub(tenth + 1)),
    ) else {
        bail!("too few messages");
    };
    Ok(number(arrivals.len() - 2 * tenth - 1) / (last.at - first.at).as_secs_f64())
}

fn write(rates: &[(u32, Vec<f64>)], section: &mut Section) {
    let one = rates.first().map(|(_, rates)| rates.as_slice()).unwrap_or_default();
    for (count, rates) in rates {
        section.add(
            format!("{count} relay processes"),
            ("sent", "/s"),
            Spread::of(rates.iter().copied()),
        );
    }
    for (count, rates) in rates.iter().skip(1) {
        section.add(
            format!("{count} / 1 relay processes"),
            ("sent", "×"),
            Spread::of_ratios(rates, one),
        );
    }
}
