//! Mail through Microsoft Graph, against the emulator.

mod cases;
mod client;
mod dispatched;
mod fence;
mod forms;
mod limits;
mod observed;
mod probed;
mod tokens;
pub(crate) mod world;
