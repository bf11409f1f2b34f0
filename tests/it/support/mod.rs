//! What tests stand on: databases, mail servers and services of their own.
//!
//! Real servers rather than doubles of them, because what has to hold is how the program gets on with the real ones.

pub(crate) mod authority;
pub(crate) mod canary;
pub(crate) mod environment;
pub(crate) mod http;
pub(crate) mod mta;
pub(crate) mod name_server;
pub(crate) mod network;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod service;
pub(crate) mod tap;
