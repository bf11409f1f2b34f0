//! How fast 202 is answered, single and in batches, beside what the store itself can take.
//!
//! What is submitted is not due before tomorrow, so nothing is sent meanwhile.

use anyhow::{Context as _, Result};
use domain::clock::Clock;

use crate::{
    contender::Contender,
    lab::{Lab, settle_disks},
    letterhead::{Letterhead, Part},
    load::{Load, hand_in},
    message::Letter,
    progress::tell,
    report::Section,
    stats::{Spread, number},
    store_limit::StoreLimit,
};

/// As many as a group of the store's writer holds, so that groups can fill.
const CONNECTIONS: usize = 256;
/// Messages of a batch, and connections that submit batches.
const BATCH: u32 = 100;
const BATCH_CONNECTIONS: usize = 8;

/// One store's round.
struct Turn {
    single: f64,
    answer_p50_ms: f64,
    answer_p99_ms: f64,
    batch: f64,
    limit: f64,
}

pub(crate) async fn run(lab: &Lab) -> Result<Section> {
    let sizes = &lab.sizes;
    let method = format!(
        "202 after commit: {} messages of {} octets, single over {CONNECTIONS} connections, in batches of {BATCH} over {BATCH_CONNECTIONS}; \
         the store's limit: the same rows by bare inserts in transactions of 256; {} rounds",
        sizes.messages, sizes.letter, sizes.rounds
    );
    let mut section = Section::new("accept", method);
    let mut lanes: Vec<(Contender, Vec<Turn>)> = lab.stores().into_iter().map(|store| (store, Vec::new())).collect();
    for round in 1..=sizes.rounds {
        for (contender, turns) in &mut lanes {
            let turn = turn(lab, *contender).await?;
            let (single, batch, limit) = (turn.single, turn.batch, turn.limit);
            let name = contender.name();
            tell(&format!(
                "accept {round}: {name}: single {single:.0}/s, batch {batch:.0}/s, the store's limit {limit:.0}/s"
            ));
            turns.push(turn);
        }
    }
    for (contender, turns) in &lanes {
        write(contender.name(), turns, &mut section);
    }
    Ok(section)
}

async fn turn(lab: &Lab, contender: Contender) -> Result<Turn> {
    let sizes = &lab.sizes;
    let store = contender.store().context("not Letterhead")?;
    let tomorrow = (Clock::system().now() + chrono::Duration::days(1)).to_rfc3339();
    let load = |messages, connections| {
        Load::of(Letter::of_size(sizes.letter), messages, connections).not_before(tomorrow.clone())
    };
    let start = async || {
        let service = Letterhead::start(&lab.letterhead, &lab.work_dir, store, Part::Whole).await?;
        let door = service.door("acme", sizes.tenants).await?;
        anyhow::Ok((service, door))
    };
    let (service, door) = start().await?;
    hand_in(&door, load(sizes.warm_up, CONNECTIONS)).await?;
    settle_disks();
    let single = hand_in(&door, load(sizes.messages, CONNECTIONS)).await?;
    settle_disks();
    let batch = hand_in(&door, load(sizes.messages, BATCH_CONNECTIONS).in_batches_of(BATCH)).await?;
    drop(service);
    let (mut service, door) = start().await?;
    hand_in(&door, load(1, 1)).await?;
    service.halt();
    let limit = StoreLimit::prepare(&service.database_url(), sizes.messages).await?;
    settle_disks();
    let took = limit.insert().await?;
    Ok(Turn {
        single: number(single.accepted) / single.took.as_secs_f64(),
        answer_p50_ms: single.answers.percentile_ms(50).unwrap_or(f64::NAN),
        answer_p99_ms: single.answers.percentile_ms(99).unwrap_or(f64::NAN),
        batch: number(batch.accepted) / batch.took.as_secs_f64(),
        limit: f64::from(sizes.messages) / took.as_secs_f64(),
    })
}

fn write(name: &str, turns: &[Turn], section: &mut Section) {
    let mut add = |what, figure: fn(&Turn) -> f64| section.add(name, what, Spread::of(turns.iter().map(figure)));
    add(("single", "/s"), |turn| turn.single);
    add(("single, answer p50", "ms"), |turn| turn.answer_p50_ms);
    add(("single, answer p99", "ms"), |turn| turn.answer_p99_ms);
    add(("batch", "/s"), |turn| turn.batch);
    add(("the store's limit", "/s"), |turn| turn.limit);
    add(("single / limit", "×"), |turn| turn.single / turn.limit);
    add(("batch / limit", "×"), |turn| turn.batch / turn.limit);
    add(("batch / single", "×"), |turn| turn.batch / turn.single);
}
