//! What is done to the service, a file each.

mod database;
mod disk;
mod freeze;
mod kill;
mod partition;
mod points;
mod split;
mod term;

use crate::{
    plan::{FaultKind, Plan},
    report::Ledger,
    site::Ground,
    trouble::Fallible,
};

/// Does one of them, under load, and reckons up.
pub(crate) async fn inflict(fault: FaultKind, ground: &Ground, plan: &Plan) -> Fallible<Ledger> {
    match fault {
        FaultKind::Kill => kill::inflict(ground, plan).await,
        FaultKind::Split => split::inflict(ground, plan).await,
        FaultKind::Term => term::inflict(ground, plan).await,
        FaultKind::Points => points::inflict(ground, plan).await,
        FaultKind::Freeze => freeze::inflict(ground, plan).await,
        FaultKind::Partition => partition::inflict(ground, plan).await,
        FaultKind::Database => database::inflict(ground, plan).await,
        FaultKind::Disk => disk::inflict(ground, plan).await,
    }
}
