//! SIGSTOP of a relay process past its leases, beside another one; then SIGCONT. What it had begun it must not finish.

use std::{fs, time::Duration};

use domain::outbox::{DOT_WITHIN, LEASE, SWEEP};
use tokio::time::sleep;

use crate::{
    book::{Frozen, Millis, now},
    campaign::Campaign,
    plan::{FaultKind, Plan},
    process::Signal,
    report::Ledger,
    site::{Ground, Shape},
    trouble::Fallible,
    violation::Violation,
};

/// Time for the load to be in full swing.
const SWING: Duration = Duration::from_millis(500);
/// Time for another process to find the leases that ran out.
const FOUND_WITHIN: Duration = Duration::from_secs(SWEEP.as_secs() + 2);

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Freeze, Shape::Split).await?;
    for _ in 0..campaign.blows {
        campaign.next_portion();
        sleep(SWING).await;
        let from = now();
        campaign.site.part("a")?.signal(Signal::Stop)?;
        outlast(&mut campaign, "a", plan).await?;
        let until = now();
        campaign.site.part("a")?.signal(Signal::Continue)?;
        campaign.frozen.push(Frozen {
            node: "a.relay.example".to_owned(),
            from,
            until,
        });
        campaign.done("freeze", from);
        others_went_on(&mut campaign, "a.relay.example", from, until);
        sleep(SWING).await;
    }
    campaign.close().await
}

/// Lets a process's leases run out: in a long run by waiting, else by ageing them in the store.
pub(super) async fn outlast(campaign: &mut Campaign<'_>, name: &str, plan: &Plan) -> Fallible<()> {
    // Past this, also a dot that was marked before may not be written any more.
    sleep(DOT_WITHIN + Duration::from_millis(500)).await;
    if plan.long {
        sleep(LEASE).await;
    } else {
        age_leases(campaign, name).await?;
    }
    campaign.the_rest();
    sleep(FOUND_WITHIN).await;
    Ok(())
}

async fn age_leases(campaign: &Campaign<'_>, name: &str) -> Fallible<()> {
    let cluster = campaign
        .ground
        .cluster
        .as_ref()
        .ok_or("leases are aged on PostgreSQL")?;
    let node = fs::read_to_string(campaign.site.folder.path().join(name).join("node-0.id"))?;
    let sql = format!(
        "UPDATE deliveries SET lease_until = 0 WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM deliveries \
         WHERE lease_until IS NOT NULL AND lease_node = '{}' FOR UPDATE SKIP LOCKED)",
        node.trim()
    );
    cluster.lock().await.execute(&campaign.site.database, &sql).await
}

/// One process that does not move must not keep the others from sending.
pub(super) fn others_went_on(campaign: &mut Campaign<'_>, node: &str, from: Millis, until: Millis) {
    let taken = campaign.site.sink.taken();
    let others = taken
        .iter()
        .filter(|taken| taken.node != node && (from..until).contains(&taken.begun_at));
    if others.count() == 0 {
        let said = format!("nobody sent anything while {node} was out of action");
        campaign.found.push(Violation::Behaviour(said));
    }
}
