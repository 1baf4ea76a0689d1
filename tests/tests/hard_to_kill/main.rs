//! What the daemon bears: load, faults, and peers that mean harm.
//!
//! In a program of its own, so that these tests, which ask much of the machine, do not disturb the others.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod faults;
mod ghosts;
mod hostile;
mod nothing_is_lost;
mod restart;
mod siege;
