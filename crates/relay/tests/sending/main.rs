//! The relay against servers that behave, misbehave and lie: real sockets, real TLS, the scripted inbox at the far end.
//!
//! The modules are marked as tests so that the lints treat their helpers as such.

#[cfg(test)]
mod authority;
#[cfg(test)]
mod breaker;
#[cfg(test)]
mod case_server;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod dispatcher;
#[cfg(test)]
mod double;
#[cfg(test)]
mod fence;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod graph;
#[cfg(test)]
mod own_claims;
#[cfg(test)]
mod own_servers;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod probe;
#[cfg(test)]
mod probe_failures;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod repeated_secrets;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod session_faults;
#[cfg(test)]
mod session_replies;
#[cfg(test)]
mod session_tls;
#[cfg(test)]
mod session_token;
#[cfg(test)]
mod transport;
