//! What must not happen: tests that name a defence and try to get past it.

mod outbound_gate;
