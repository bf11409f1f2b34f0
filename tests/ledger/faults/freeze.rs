//! SIGSTOP of a relay process past its leases, beside another one; then SIGCONT. What it had begun it must not finish.
//!
//! A long run lets the sink take its time, so that every freeze finds many deliveries in hand, and goes on until it has
//! found [`ENOUGH`] of them.

use std::{
    collections::{HashMap, HashSet},
    fs,
    time::Duration,
};

use domain::{
    message::state::DeliveryStatus,
    outbox::{DOT_WITHIN, LEASE, SWEEP},
};
use rand::Rng;
use tokio::time::sleep;

use crate::{
    book::{Frozen, Millis, now},
    campaign::Campaign,
    check::held_by,
    plan::{FaultKind, Plan},
    process::Signal,
    report::Ledger,
    sink::Tempo,
    site::{Ground, Shape},
    trouble::Fallible,
    violation::Violation,
};

/// Time for the load to be in full swing, in milliseconds.
const SWING: std::ops::Range<u64> = 300..900;
/// Time for another process to find the leases that ran out.
const FOUND_WITHIN: Duration = Duration::from_secs(SWEEP.as_secs() + 2);
/// Deliveries in the hands of frozen nodes that a long run needs.
const ENOUGH: usize = 1000;
/// A long run that has not found them in so many freezes gives up.
const MOST_FREEZES: usize = 60;
const NODE: &str = "a";
const NODE_NAME: &str = "a.relay.example";

/// How leases run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lapse {
    /// By themselves.
    InTime,
    /// Aged in the store.
    Aged,
}

impl Lapse {
    /// In a long run the real thing.
    pub(super) const fn of(plan: &Plan) -> Self {
        if plan.long { Self::InTime } else { Self::Aged }
    }
}

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Freeze, Shape::Split).await?;
    if plan.long {
        campaign.site.sink.keep(Tempo::Slow);
    }
    let mut blow = 0;
    while blow < campaign.blows {
        let lapse = if blow == 0 { Lapse::of(plan) } else { Lapse::Aged };
        freeze(&mut campaign, lapse).await?;
        blow += 1;
        let more = plan.long && blow == campaign.blows && held_by(&campaign.frozen) < ENOUGH;
        if more && blow < MOST_FREEZES {
            campaign.one_blow_more();
        }
    }
    let held = held_by(&campaign.frozen);
    if plan.long && held < ENOUGH {
        let said = format!("only {held} deliveries were in the hands of frozen nodes; {ENOUGH} are needed");
        campaign.found.push(Violation::Behaviour(said));
    }
    campaign.site.sink.keep(Tempo::Brisk);
    campaign.close().await
}

/// Holds the process still past its leases, and lets it go on.
async fn freeze(campaign: &mut Campaign<'_>, lapse: Lapse) -> Fallible<()> {
    campaign.half_portion();
    sleep(Duration::from_millis(campaign.dice.random_range(SWING))).await;
    let from = now();
    campaign.site.part(NODE)?.signal(Signal::Stop)?;
    let in_hand = in_hand(campaign).await?;
    outlast(campaign, NODE, lapse).await?;
    let standing = standing(campaign, &in_hand).await?;
    let until = now();
    campaign.site.part(NODE)?.signal(Signal::Continue)?;
    campaign.frozen.push(Frozen {
        node: NODE_NAME.to_owned(),
        until,
        held: standing.keys().cloned().collect(),
        ended: ended(&standing)?,
    });
    campaign.done("freeze", from);
    others_went_on(campaign, NODE_NAME, from, until);
    sleep(Duration::from_millis(campaign.dice.random_range(SWING))).await;
    Ok(())
}

/// Lets a process's leases run out.
pub(super) async fn outlast(campaign: &mut Campaign<'_>, name: &str, lapse: Lapse) -> Fallible<()> {
    // Past this, also a dot that was marked before may not be written any more.
    sleep(DOT_WITHIN + Duration::from_millis(500)).await;
    match lapse {
        Lapse::InTime => sleep(LEASE).await,
        Lapse::Aged => age_leases(campaign, name).await?,
    }
    campaign.half_portion();
    sleep(FOUND_WITHIN).await;
    Ok(())
}

async fn age_leases(campaign: &Campaign<'_>, name: &str) -> Fallible<()> {
    let node = node_id(campaign, name)?;
    let sql = format!(
        "UPDATE deliveries SET lease_until = 0 WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM deliveries \
         WHERE lease_until IS NOT NULL AND lease_node = '{node}' FOR UPDATE SKIP LOCKED)"
    );
    let cluster = campaign
        .ground
        .cluster
        .as_ref()
        .ok_or("leases are aged on PostgreSQL")?;
    cluster.lock().await.execute(&campaign.site.database, &sql).await
}

/// The deliveries that the process has leased, by their ids.
async fn in_hand(campaign: &Campaign<'_>) -> Fallible<Vec<String>> {
    let node = node_id(campaign, NODE)?;
    let sql = format!("SELECT id::text FROM deliveries WHERE lease_until IS NOT NULL AND lease_node = '{node}'");
    Ok(query(campaign, &sql).await?.into_iter().flatten().collect())
}

/// Where deliveries stand that the process has lost, of those that it had in hand.
async fn standing(campaign: &Campaign<'_>, in_hand: &[String]) -> Fallible<HashMap<String, String>> {
    if in_hand.is_empty() {
        return Ok(HashMap::new());
    }
    let node = node_id(campaign, NODE)?;
    let ids: Vec<String> = in_hand.iter().map(|id| format!("'{id}'")).collect();
    let sql = format!(
        "SELECT id::text, status FROM deliveries WHERE id IN ({}) AND lease_node IS DISTINCT FROM '{node}'",
        ids.join(", ")
    );
    let mut standing = HashMap::new();
    for row in query(campaign, &sql).await? {
        if let [id, status] = row.as_slice() {
            standing.insert(id.clone(), status.clone());
        }
    }
    Ok(standing)
}

/// Those that are at their end.
fn ended(standing: &HashMap<String, String>) -> Fallible<HashSet<String>> {
    let mut ended = HashSet::new();
    for (id, status) in standing {
        let status: DeliveryStatus = status.parse().map_err(|_| format!("no status: {status}"))?;
        if status.is_final() {
            ended.insert(id.clone());
        }
    }
    Ok(ended)
}

async fn query(campaign: &Campaign<'_>, sql: &str) -> Fallible<Vec<Vec<String>>> {
    let cluster = campaign
        .ground
        .cluster
        .as_ref()
        .ok_or("leases are looked at on PostgreSQL")?;
    cluster.lock().await.query(&campaign.site.database, sql).await
}

/// What the process is called in the store.
fn node_id(campaign: &Campaign<'_>, name: &str) -> Fallible<String> {
    let said = fs::read_to_string(campaign.site.folder.path().join(name).join("node-0.id"))?;
    Ok(said.trim().to_owned())
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
