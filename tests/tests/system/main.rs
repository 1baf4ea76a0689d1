//! All system tests, in one program that links the shared code once.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod bench;
mod blog;
mod browsers;
mod c_library;
mod completions;
mod configuration;
mod daemon;
mod dead_paths;
mod demo;
mod documents;
mod event_streams;
mod examples;
mod extension;
mod handshake;
mod harness;
mod install;
mod log_formats;
mod manuals;
mod node;
mod nodes;
mod package;
mod page;
mod php_packages;
mod php_recipes;
mod proxies;
mod publish_peers;
mod publishers;
mod recipe;
mod recovery;
mod rust_version;
mod sanitizers;
mod shell;
mod spool;
mod stalled_log;
mod status_page;
mod system_calls;
mod systemd;
mod tls;
mod units;
mod wordpress;
