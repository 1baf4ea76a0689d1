//! Publishers, and C's `push_client`, against servers that follow a test's script.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

mod answers;
mod background;
mod batch;
mod client;
mod deadline;
mod exclude;
mod fake_server;
mod faults;
mod ids_and_tokens;
mod mistakes;
mod positions;
mod receipts;
mod refusals;
mod reopening;
mod spool;
mod spool_c;
mod spool_file;
mod spool_order;
mod tickets;
mod users;
