//! A relay process that can reach the next server and not the database: it must stop sending, the other one goes on.

use std::time::Duration;

use domain::outbox::DOT_WITHIN;
use tokio::time::sleep;

use super::freeze::{Lapse, others_went_on, outlast};
use crate::{
    book::{Millis, now},
    campaign::Campaign,
    plan::{FaultKind, Plan},
    report::Ledger,
    site::{Ground, Shape},
    trouble::Fallible,
    violation::Violation,
};

/// From a dot that was just in time to its arrival.
const ON_THE_WAY: Duration = Duration::from_millis(500);

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Partition, Shape::Split).await?;
    for _ in 0..campaign.blows {
        campaign.half_portion();
        sleep(Duration::from_millis(500)).await;
        let from = now();
        campaign.site.wire.as_ref().ok_or("there is no wire to cut")?.cut();
        outlast(&mut campaign, "b", Lapse::of(plan)).await?;
        campaign.site.wire.as_ref().ok_or("there is no wire to mend")?.mend();
        let until = now();
        campaign.done("partition", from);
        others_went_on(&mut campaign, "b.relay.example", from, until);
        silent(&mut campaign, from, until);
        sleep(Duration::from_millis(500)).await;
    }
    campaign.close().await
}

/// No mark, no dot: past the age of the last mark, nothing comes from the node that is cut off.
fn silent(campaign: &mut Campaign<'_>, from: Millis, until: Millis) {
    let grace = Millis::try_from((DOT_WITHIN + ON_THE_WAY).as_millis()).unwrap_or(Millis::MAX);
    let taken = campaign.site.sink.taken();
    let late = taken
        .iter()
        .filter(|taken| taken.node == "b.relay.example" && (from + grace..until).contains(&taken.dot_at));
    campaign.found.extend(late.map(|taken| Violation::AfterLease {
        delivery: taken.delivery.clone(),
        node: taken.node.clone(),
    }));
}
