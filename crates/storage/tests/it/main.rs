//! The store as its callers see it, on SQLite and, where the runner names a server, on PostgreSQL.

#[cfg(test)]
mod fairness;
#[cfg(test)]
mod master_key;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod outcome_unknown;
#[cfg(test)]
mod overview;
#[cfg(test)]
mod own_connection;
#[cfg(test)]
mod own_sending;
#[cfg(test)]
mod redrive;
#[cfg(test)]
mod relay_pause;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod test_emails;
#[cfg(test)]
mod vault;
