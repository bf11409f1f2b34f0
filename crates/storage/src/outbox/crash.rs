//! Where the writer may be made to die: right before and right after a group's commit.

use domain::crash::Point;

use super::writer::Operation;

/// A group is written, not committed.
pub(super) fn before_commit(group: &[Operation]) {
    points(group).for_each(|(before, _)| before.reach());
}

/// A group is committed, nobody told.
pub(super) fn after_commit(group: &[Operation]) {
    points(group).for_each(|(_, after)| after.reach());
}

fn points(group: &[Operation]) -> impl Iterator<Item = (Point, Point)> {
    group.iter().filter_map(|operation| match operation {
        Operation::Submit { .. } => Some((Point::BeforeSubmitCommit, Point::AfterSubmitCommit)),
        Operation::Claim(_) => Some((Point::BeforeClaimCommit, Point::AfterClaimCommit)),
        Operation::Mark { .. } => Some((Point::BeforeMarkCommit, Point::AfterMarkCommit)),
        Operation::Settle { .. } => Some((Point::BeforeSettleCommit, Point::AfterSettleCommit)),
        Operation::Unmark { .. } => None,
    })
}
