//! Every whole-system test, in one program: what they share is linked once.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod blog;
mod browsers;
mod c_library;
mod configuration;
mod daemon;
mod demo;
mod examples;
mod extension;
mod handshake;
mod harness;
mod install;
mod manuals;
mod node;
mod page;
mod php_packages;
mod proxies;
mod publish_peers;
mod publishers;
mod recipe;
mod sanitizers;
mod systemd;
mod tls;
mod wordpress;
