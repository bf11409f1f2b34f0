//! SIGTERM under load: what is in flight is finished, so there is no doubt and no duplicate.

use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;

use crate::{
    book::now,
    campaign::Campaign,
    check,
    plan::{FaultKind, Plan},
    report::Ledger,
    site::{Ground, Shape},
    trouble::Fallible,
    violation::Violation,
};

/// The service gives itself 30 s, and 5 more to settle.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Term, Shape::Whole).await?;
    for _ in 0..campaign.blows {
        campaign.next_portion();
        sleep(Duration::from_millis(campaign.dice.random_range(100..900))).await;
        let from = now();
        let whole = campaign.site.whole()?;
        let (status, counted) = whole.terminate(ENDS_WITHIN).await?;
        whole.start().await?;
        campaign.counted += counted;
        campaign.done("term", from);
        if !status.success() {
            let said = format!("told to end, the service ended with {status}");
            campaign.found.push(Violation::Behaviour(said));
        }
    }
    let mut ledger = campaign.close().await?;
    let (duplicates, doubts) = (check::duplicates(&ledger.evidence), check::bound(&ledger.evidence));
    if duplicates + doubts > 0 {
        let said = format!("an orderly end left {doubts} doubts and {duplicates} duplicates");
        ledger.violations.push(Violation::Behaviour(said));
    }
    Ok(ledger)
}
