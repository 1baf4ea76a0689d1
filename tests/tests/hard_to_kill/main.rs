//! Tests with load, faults and hostile peers.
//!
//! They are a separate program, because their load would disturb the other tests.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod channels;
mod faults;
mod faulty_disk;
mod ghosts;
mod hostile;
mod nothing_is_lost;
mod restart;
mod siege;
mod upgrade;
