//! `serve`: store, relay and listeners, started in order and stopped in the opposite one.
