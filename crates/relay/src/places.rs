//! How many deliveries may be attempted at once, by lane. One whose outcome is on its way to disk needs no place any more.

use domain::message::kind::Lane;

/// One tenant's own server may take up so large a part of a lane: a server that hangs must leave most of it to others.
const PART_OF_ONE_SERVER: usize = 4;

/// Deliveries that each lane may have in flight at once.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// For [`Lane::Urgent`].
    pub urgent: usize,
    /// For [`Lane::Interactive`].
    pub interactive: usize,
    /// For [`Lane::Background`].
    pub background: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            urgent: 64,
            interactive: 64,
            background: 128,
        }
    }
}

impl Places {
    pub(crate) const fn of(self, lane: Lane) -> usize {
        match lane {
            Lane::Urgent => self.urgent,
            Lane::Interactive => self.interactive,
            Lane::Background => self.background,
        }
    }

    /// The part of a lane that one tenant's own server may take up, one place at least.
    pub(crate) fn of_one_server(self, lane: Lane) -> usize {
        (self.of(lane) / PART_OF_ONE_SERVER).max(1)
    }
}
