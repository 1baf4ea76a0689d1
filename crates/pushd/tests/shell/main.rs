//! `pushd publish`, `position`, `history`, `subscribe` and `ticket rotate` against scripted servers. The system tests run the commands against pushd.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod history;
mod publish;
mod rotate;
mod second_name;
mod subscribe;
mod support;
