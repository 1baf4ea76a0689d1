//! The programs for Windows, in wine. `cargo xtask test --windows` builds and runs them.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failure in a test is a failed test"
)]

mod browsers;
mod c_program;
mod files;
mod publishers;
mod service;
