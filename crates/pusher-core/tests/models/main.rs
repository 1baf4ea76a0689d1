//! Models of the parts of the server in which threads share more than a lock.
//!
//! Each model compiles the server's own file a second time, with the `sync` module of this folder. Its locks, atomics
//! and notifications let shuttle choose which thread makes the next step. A model runs some threads in many random
//! orders, and fails if one of them breaks a promise or if all threads wait.
//!
//! Shuttle runs one step at a time, so a model does not see whether an `Ordering` is too weak.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "the files have functions for the server that no model calls"
)]
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod connection;
mod hub;
mod stats;
#[cfg(unix)]
mod store;
mod sync;
#[path = "../../src/unix_time.rs"]
mod unix_time;

/// Runs a model in this many random orders of its steps.
const ORDERS: usize = 2000;

fn check(model: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(model, ORDERS);
}
