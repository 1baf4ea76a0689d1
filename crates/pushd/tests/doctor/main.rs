//! `pushd doctor` against servers that have each fault. Real web servers that have them are in the
//! whole-system tests.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod healthy;
mod publish;
mod support;
mod tls;
mod web_server;
mod websocket;
