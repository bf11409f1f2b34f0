//! The disk fills up under SQLite: refused, never lost; and all goes on by itself once there is room.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::database::sends_again;
use crate::{
    book::now,
    campaign::Campaign,
    plan::{FaultKind, Plan},
    report::Ledger,
    site::{Ground, Shape, Site},
    small_disk::Room,
    trouble::Fallible,
    violation::Violation,
};

/// Submissions turned away before the disk counts as full: one may have other reasons.
const TURNED_AWAY: usize = 20;
/// How long the disk stays full.
const FULL_FOR: Duration = Duration::from_secs(2);

pub(super) async fn inflict(ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    let mut campaign = Campaign::open(ground, plan, FaultKind::Disk, Shape::Cramped).await?;
    for blow in 1..=campaign.blows {
        let before = campaign.load.turned_away().0;
        campaign.next_portion();
        let from = now();
        if !filled(&mut campaign, before).await {
            campaign
                .found
                .push(Violation::Behaviour("the disk never became full".to_owned()));
            break;
        }
        sleep(FULL_FOR).await;
        let room = if blow == campaign.blows {
            Room::Enough
        } else {
            Room::More
        };
        let Site { disk, parts, .. } = &mut campaign.site;
        let (Some(disk), Some(part)) = (disk, parts.first()) else {
            return Err("there is no disk to be widened".into());
        };
        disk.widen(room, part)?;
        campaign.done("disk", from);
        sends_again(&mut campaign, now()).await;
    }
    campaign.close().await
}

/// Whether submissions are turned away at last.
async fn filled(campaign: &mut Campaign<'_>, before: usize) -> bool {
    let until = Instant::now() + Duration::from_mins(1);
    campaign.the_rest();
    while Instant::now() < until {
        if campaign.load.turned_away().0 >= before + TURNED_AWAY {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}
