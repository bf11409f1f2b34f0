//! The program as a process: how it starts, refuses to, ends, and what it keeps.

mod doctor;
mod durability;
mod keys;
mod readme;
mod start_up;
