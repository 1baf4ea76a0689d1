//! Tests of the server through its public interfaces: the Rust API, browsers and publishers.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod application;
#[cfg(target_os = "linux")]
mod batches;
mod channels;
mod channels_answers;
mod channels_api;
mod compression;
mod connections;
mod control;
mod cra;
mod end;
mod event_stream;
mod exclude;
mod fan_out;
mod faults;
mod garbage;
#[cfg(unix)]
mod handed_over;
#[cfg(unix)]
mod handed_over_http;
#[cfg(unix)]
mod handed_over_publishers;
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
mod presence;
mod publishers;
mod recovery;
mod resume;
mod scripts;
mod slow;
mod spool;
mod state_dir;
mod stats;
mod support;
mod tickets;
mod tls;
mod token;
#[cfg(unix)]
mod unix_socket;
mod wamp2;
mod webhooks;
mod zmtp;
