//! The mail servers that Letterhead is measured beside, each an instance of its own in a folder of its own.
//!
//! A peer that cannot be had here is reported with the reason, never estimated.

pub(crate) mod postfix;
