//! The scenarios: each measures one promise, and returns what it found.

pub(crate) mod idle;
pub(crate) mod throughput;
