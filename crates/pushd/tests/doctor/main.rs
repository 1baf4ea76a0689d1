//! `pushd doctor` against servers with one fault each. The system tests have real web servers with such faults.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod healthy;
mod publish;
mod redis;
mod stream;
mod support;
mod tickets;
mod tls;
mod web_server;
mod websocket;
