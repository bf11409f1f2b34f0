//! The capture inbox over TCP: what it takes, what it refuses, and what a script makes of it.
//!
//! The client here writes octets, so that a test can be wrong on purpose.

mod bounds;
#[cfg(test)]
mod client;
mod extensions;
mod order;
mod scripted;
mod secured;
mod text;
