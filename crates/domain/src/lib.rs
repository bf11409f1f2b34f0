//! The rules of Letterhead: types that hold only what is allowed, and the decisions taken on them.
//!
//! Nothing here does I/O, so every rule can be tested by value and read without knowing the database or the network.
//! Outer crates parse into these types once, at the edge, and hold the proof from then on.

pub mod access;
pub mod address;
pub mod branding;
pub mod clock;
pub mod connection;
pub mod crash;
pub mod fault;
pub mod hardening;
pub mod ids;
pub mod message;
pub mod outbox;
pub mod preferences;
pub mod reply;
pub mod retry;
pub mod secret;
pub mod tenant;
pub mod vault;
