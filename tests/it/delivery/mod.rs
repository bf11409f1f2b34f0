//! Mail on its way: by the schedule, through servers that misbehave, and through real ones.

mod failures;
mod microsoft;
mod names;
mod own_mailbox;
mod own_servers;
mod real_servers;
mod secured_servers;
mod verdicts;
