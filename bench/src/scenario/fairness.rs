//! What small tenants get while a big one floods: all of them have mail waiting in the same lane, the big one's came first.
//!
//! Counted until the first small tenant has nothing more to send: until then each is due the same share.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result};

use crate::{
    contender::Contender,
    lab::{Lab, settle_disks},
    letterhead::{Letterhead, Part},
    load::{BACKLOG_SERIES, fill},
    message::Letter,
    progress::tell,
    report::Section,
    sink::{Arrival, Sink},
    stats::{Spread, number},
};

/// The small tenants' recipients; the big one's are the backlog's.
const SMALL: std::ops::Range<u32> = 20..24;

/// What a round gave the small tenants, as a part of what was due to each.
struct Shares {
    least: f64,
    mean: f64,
    /// All that was sent meanwhile, a second.
    rate: f64,
}

pub(crate) async fn run(lab: &Lab) -> Result<Section> {
    let sizes = &lab.sizes;
    let method = format!(
        "one tenant with {} messages queued, then {} with {} each, one lane; share of what is due, {} rounds",
        sizes.flood,
        SMALL.len(),
        sizes.trickle,
        sizes.rounds
    );
    let mut section = Section::new("fairness", method);
    let mut lanes: Vec<(Contender, Vec<Shares>)> = lab.stores().into_iter().map(|store| (store, Vec::new())).collect();
    for round in 1..=sizes.rounds {
        for (contender, shares) in &mut lanes {
            let found = turn(lab, *contender).await?;
            let name = contender.name();
            tell(&format!(
                "fairness {round}: {name}: {:.0} % of the fair share",
                found.least * 100.0
            ));
            shares.push(found);
        }
    }
    for (contender, shares) in &lanes {
        let of = contender.name();
        section.add(
            of,
            ("least share", "%"),
            Spread::of(shares.iter().map(|shares| shares.least * 100.0)),
        );
        section.add(
            of,
            ("mean share", "%"),
            Spread::of(shares.iter().map(|shares| shares.mean * 100.0)),
        );
        section.add(
            of,
            ("all sent", "/s"),
            Spread::of(shares.iter().map(|shares| shares.rate)),
        );
    }
    Ok(section)
}

async fn turn(lab: &Lab, contender: Contender) -> Result<Shares> {
    let sizes = &lab.sizes;
    let store = contender.store().context("not Letterhead")?;
    let service = Letterhead::start(&lab.letterhead, &lab.work_dir, store, Part::Whole).await?;
    let letter = Letter::of_size(sizes.letter);
    fill(&service.door("big", 1).await?, &letter, (BACKLOG_SERIES, sizes.flood)).await?;
    for series in SMALL {
        let door = service.door(&format!("small-{series}"), 1).await?;
        fill(&door, &letter, (series, sizes.trickle)).await?;
    }
    settle_disks();
    let sink = Sink::start(Duration::ZERO)?;
    service.add_route(sink.address, sizes.connections).await?;
    let all = sizes.flood + sizes.trickle * u32::try_from(SMALL.len())?;
    let mut waited = Duration::ZERO;
    // Long enough in any case; usually over when the first small tenant is through.
    while waited < sizes.turn && !sink.reached(usize::try_from(all)?, LOOK).await && !is_through(&sink, sizes.trickle) {
        waited += LOOK;
    }
    shares(&sink.arrivals(), sizes.trickle).context("no small tenant's mail was sent in time")
}

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(200);

fn is_through(sink: &Sink, trickle: u32) -> bool {
    SMALL
        .into_iter()
        .any(|series| u32::try_from(sink.count_of(series)).is_ok_and(|count| count >= trickle))
}

fn shares(arrivals: &[Arrival], trickle: u32) -> Option<Shares> {
    let mut counts: HashMap<u32, u32> = HashMap::new();
    let mut total: u32 = 0;
    let mut end = arrivals.first()?.at;
    for arrival in arrivals {
        let count = counts.entry(arrival.tag.series).or_default();
        *count += 1;
        total += 1;
        end = arrival.at;
        if SMALL.contains(&arrival.tag.series) && *count >= trickle {
            break;
        }
    }
    let due = f64::from(total) / (number(SMALL.len()) + 1.0);
    let got = |series| f64::from(counts.get(&series).copied().unwrap_or(0)) / due;
    Some(Shares {
        least: SMALL.map(got).fold(f64::INFINITY, f64::min),
        mean: SMALL.map(got).sum::<f64>() / number(SMALL.len()),
        rate: f64::from(total) / (end - arrivals.first()?.at).as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::message::Tag;

    fn arrivals(series: impl IntoIterator<Item = u32>) -> Vec<Arrival> {
        let began = Instant::now();
        let one = |(number, series): (u32, u32)| Arrival {
            tag: Tag { series, number },
            at: began + Duration::from_millis(u64::from(number)),
        };
        (0..).zip(series).map(one).collect()
    }

    #[test]
    fn taking_turns_is_the_whole_share() {
        let turns = (0..10).flat_map(|_| SMALL.chain([BACKLOG_SERIES]));

        let shares = shares(&arrivals(turns), 10).unwrap();

        assert!(shares.least > 0.9, "{}", shares.least);
    }

    #[test]
    fn waiting_behind_the_big_tenant_is_nearly_nothing() {
        let first_come = (0..960).map(|_| BACKLOG_SERIES).chain((0..10).flat_map(|_| SMALL));

        let shares = shares(&arrivals(first_come), 10).unwrap();

        assert!(shares.least < 0.06, "{}", shares.least);
    }
}
