//! `pushd publish`, `position`, `history` and `subscribe` against scripted servers. The system tests run the commands against pushd.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod history;
mod publish;
mod subscribe;
mod support;
