//! Death at each named point: right before and after every commit, after the dot, after its reply.

use std::{os::unix::process::ExitStatusExt as _, time::Duration};

use domain::crash::Point;
use rand::Rng;

use crate::{
    book::now,
    campaign::Campaign,
    plan::{FaultKind, Plan},
    report::Ledger,
    site::{Ground, Shape},
    trouble::Fallible,
};

/// What `abort` ends a process with.
const SIGABRT: i32 = 6;
/// A busy service comes by every point many times a second.
const REACHED_WITHIN: Duration = Duration::from_secs(30);
/// How often a point is passed before the process dies there, at most.
const PASSES: u32 = 24;

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Points, Shape::Whole).await?;
    for point in Point::ALL.into_iter().cycle().take(campaign.blows) {
        let passes = campaign.dice.random_range(1..=PASSES);
        campaign.site.whole()?.kill()?;
        let whole = campaign.site.whole()?;
        whole.set("FAILPOINTS", format!("{}={passes}*off->return", point.as_str()));
        whole.spawn()?;
        campaign.next_portion();
        let from = now();
        let status = campaign.site.whole()?.end(REACHED_WITHIN).await;
        let status =
            status.map_err(|_| format!("{} was not reached: a build without named points?", point.as_str()))?;
        if status.signal() != Some(SIGABRT) {
            return Err(format!("at {}: {status}", point.as_str()).into());
        }
        campaign.done(point.as_str(), from);
    }
    let whole = campaign.site.whole()?;
    whole.unset("FAILPOINTS");
    whole.start().await?;
    campaign.close().await
}
