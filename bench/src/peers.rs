//! The mail servers that Letterhead is measured beside, each an instance of its own in a folder of its own.
//!
//! A peer that cannot be had here is reported with the reason, never estimated.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::process::Process;

pub(crate) mod exim;
mod fetch;
pub(crate) mod haraka;
pub(crate) mod opensmtpd;
pub(crate) mod postfix;
mod sandbox;

/// A running mail server that hands everything on to the sink; ended with this value.
#[derive(Debug)]
pub(crate) struct Mta {
    pub(crate) address: SocketAddr,
    process: Process,
    _home: TempDir,
}

impl Mta {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}
