//! The whole program, tested from outside: over HTTP and SMTP, on both stores, beside real servers.
//!
//! One test binary: a binary for each file would link the whole program as many times.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod process;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod security;
#[cfg(test)]
mod support;
