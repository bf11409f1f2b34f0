//! SIGKILL of an API process and of two relay processes that race each other, each apart, on one database.

use std::time::Duration;

use rand::{Rng, seq::IndexedRandom};
use tokio::time::sleep;

use crate::{
    book::now,
    campaign::Campaign,
    plan::{FaultKind, Plan},
    report::Ledger,
    site::{Ground, Shape},
    trouble::Fallible,
};

/// Who is killed: a relay process more often than not, sometimes everybody.
const VICTIMS: [&[&str]; 6] = [&["a"], &["b"], &["a"], &["api"], &["a", "b"], &["api", "a", "b"]];

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Split, Shape::Split).await?;
    for _ in 0..campaign.blows {
        campaign.next_portion();
        sleep(Duration::from_millis(campaign.dice.random_range(50..1200))).await;
        let victims = VICTIMS.choose(&mut campaign.dice).copied().unwrap_or_default();
        let from = now();
        for name in victims {
            campaign.site.part(name)?.kill()?;
        }
        for name in victims {
            campaign.site.part(name)?.start().await?;
        }
        campaign.done("kill", from);
    }
    campaign.close().await
}
