//! What tests stand on: databases, mail servers and services of their own.
//!
//! Real servers rather than doubles of them, because what has to hold is how the program gets on with the real ones.

pub(crate) mod environment;
pub(crate) mod http;
pub(crate) mod mta;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod service;
