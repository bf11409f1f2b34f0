//! The scenarios: each measures one promise, and returns what it found.

pub(crate) mod accept;
pub(crate) mod backlog;
pub(crate) mod fairness;
pub(crate) mod idle;
pub(crate) mod neighbours;
pub(crate) mod nodes;
pub(crate) mod queued;
pub(crate) mod throughput;
