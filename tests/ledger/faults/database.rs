//! PostgreSQL killed, or ended at once, and started again under the running service.

use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;

use crate::{
    book::{Millis, now},
    campaign::Campaign,
    plan::{FaultKind, Plan},
    process::Signal,
    report::Ledger,
    site::{Ground, Shape},
    trouble::Fallible,
    violation::Violation,
};

/// From PostgreSQL taking connections to the next mail.
const SENDING_WITHIN: Millis = 10_000;

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Database, Shape::Whole).await?;
    let cluster = ground.cluster.as_ref().ok_or("there is no server to be killed")?;
    for blow in 0..campaign.blows {
        campaign.next_portion();
        sleep(Duration::from_millis(campaign.dice.random_range(200..900))).await;
        let from = now();
        {
            let mut cluster = cluster.lock().await;
            cluster.down(if blow % 2 == 0 { Signal::Kill } else { Signal::Quit })?;
            sleep(Duration::from_millis(campaign.dice.random_range(100..1500))).await;
            cluster.up().await?;
        }
        let back = now();
        campaign.done("database", from);
        campaign.next_portion();
        sends_again(&mut campaign, back).await;
    }
    campaign.close().await
}

/// Sees to it that mail goes out soon.
pub(super) async fn sends_again(campaign: &mut Campaign<'_>, back: Millis) {
    let took = campaign
        .sending_since(back, Duration::from_mins(1))
        .await
        .map_or(Millis::MAX, |first| first - back);
    if took > SENDING_WITHIN {
        campaign.found.push(Violation::Slow {
            what: "from the store's return to the next mail",
            took,
            limit: SENDING_WITHIN,
        });
    }
}
