//! Tests of the server through its public interfaces: the Rust API, browsers and publishers.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod application;
mod control;
mod cra;
mod end;
mod event_stream;
mod fan_out;
mod faults;
mod floods;
mod garbage;
mod handshake;
mod http;
mod http_clients;
mod ids;
mod keepalive;
mod large_publishes;
mod limits;
mod log_options;
mod operator;
mod origin;
mod permits;
mod publishers;
mod recovery;
mod resume;
mod scripts;
mod slow;
mod spool;
mod state_dir;
mod stats;
mod support;
mod tls;
mod token;
#[cfg(unix)]
mod unix_socket;
mod zmtp;
