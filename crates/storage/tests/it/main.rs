//! The store as its callers see it, on SQLite and, where the runner names a server, on PostgreSQL.

mod migrations;
mod outbox;
mod secrets;
mod support;
mod tenants;
