//! SIGKILL of the whole service at random moments, sometimes while it starts.

use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;

use crate::{
    book::now,
    campaign::Campaign,
    plan::{FaultKind, Plan},
    report::Ledger,
    site::{Ground, Shape},
    trouble::Fallible,
};

/// A process that is killed is back within this, or something is wrong.
const BACK_WITHIN: Duration = Duration::from_secs(30);

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Kill, Shape::Whole).await?;
    for _ in 0..campaign.blows {
        campaign.next_portion();
        sleep(Duration::from_millis(campaign.dice.random_range(50..1500))).await;
        let from = now();
        let again = campaign
            .dice
            .random_bool(0.1)
            .then(|| campaign.dice.random_range(10..300));
        let whole = campaign.site.whole()?;
        whole.kill()?;
        whole.spawn()?;
        if let Some(moment) = again {
            sleep(Duration::from_millis(moment)).await;
            whole.kill()?;
            whole.spawn()?;
        }
        whole.ready(BACK_WITHIN).await?;
        campaign.done("kill", from);
    }
    campaign.close().await
}
