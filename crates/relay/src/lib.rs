//! The relay: takes due deliveries out of the outbox, renders them and hands them to the next server.
//!
//! It knows the store only through [`domain::outbox::Outbox`]. The SMTP session is driven stage by stage, so that every
//! failure is known by where it happened, and the fence stands exactly before the final dot.

pub mod compose;
pub mod dispatcher;
pub mod gate;
pub mod graph_emulator;
pub mod inbox;
pub mod metrics;
pub mod places;
mod pool;
pub mod probe;
mod redact;
pub mod session;
mod sight;
mod stream;
pub mod template;
pub mod transport;
pub mod wire_form;
