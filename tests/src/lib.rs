//! The harness of the system tests. Every part runs as its users run it, on free ports of 127.0.0.1, and ends with
//! the test.
//!
//! | module | runs |
//! |---|---|
//! | [`daemon`] | pushd |
//! | [`wamp`] | a WAMP v1 client, as in a page |
//! | [`channels`] | a client of the Pusher Channels protocol, and its site |
//! | [`wire`] | one connection, byte by byte, for input that no correct client sends |
//! | [`publisher`] | the publish listener: raw JSON and the native protocol |
//! | [`stream`] | the connection that all of these use |
//! | [`cable`] | a host with a network of its own, and the cable to it |
//! | [`relay`] | a relay between client and server that fails as networks do |
//! | [`traffic`] | many of these at once |
//! | [`churn`] | connections that open and close |
//! | [`nodes`] | several daemons on one Redis |
//! | [`simulator`] | random failures of everything, and a model of what each subscriber must see |
//! | [`history`] | the publishes and deliveries of a run, and their check |
//! | [`bystander`] | a subscriber and a publisher that must not notice other clients |
//! | [`resources`] | a process's memory, CPU time and descriptors |
//! | [`random`] | reproducible random numbers |
//! | [`tickets`] | a site that signs tickets |
//! | [`browser`] | headless Chromium |
//! | [`front`] | nginx, Apache, Caddy and HAProxy with HTTPS in front of pushd |
//! | [`blog`] | the demo blog, as its readers use it |
//! | [`php`] | PHP: command line, its own web server, php-fpm, Apache |
//! | [`mariadb`] | a database |
//! | [`wordpress`] | WordPress with the plugin |
//! | [`machine`] | a copy of this machine, to install packages in |
//! | [`c`] | C and C++ programs, and valgrind |
//! | [`wine`] | the programs for Windows |
//! | [`program`] | any program that runs to its end |
//! | [`document`] | nothing: it finds blocks of code in documents |
//!
//! The harness is only for tests, so it panics with a message. If a test panics, each dropped part prints its log.
//! The programs are those of the release build: `cargo xtask build`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failure in the harness is a failed test"
)]

pub mod blog;
pub mod browser;
pub mod bystander;
pub mod c;
pub mod cable;
pub mod channels;
pub mod churn;
pub mod daemon;
pub mod document;
pub mod front;
pub mod history;
pub mod log;
pub mod machine;
pub mod mariadb;
pub mod nodes;
pub mod php;
pub mod ports;
pub mod program;
pub mod publisher;
pub mod random;
pub mod recipes;
pub mod relay;
pub mod resources;
pub mod simulator;
pub mod spool_writer;
pub mod stream;
pub mod tickets;
pub mod traffic;
pub mod wamp;
pub mod wine;
pub mod wire;
pub mod wordpress;

use std::path::PathBuf;

/// Time limit for actions that should complete at once, on a busy machine, in ms.
pub const WAIT_MS: u64 = 15_000;

/// Returns a file of the release build.
///
/// # Panics
/// If it is not built. The message names the command to run.
pub fn artefact(name: &str) -> PathBuf {
    workspace()
        .artefact(name)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Returns a program of the debug build: `xtask`, or `examples/NAME`.
///
/// # Panics
/// If it is not built. The message names the command to run.
pub fn debug_program(name: &str) -> PathBuf {
    workspace()
        .debug_program(name)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the project's folders.
pub fn workspace() -> xtask::workspace::Workspace {
    xtask::workspace::Workspace::find().unwrap_or_else(|error| panic!("{error}"))
}
