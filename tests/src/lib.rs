//! The harness of the whole-system tests: every part runs as its users run it, on free ports of
//! 127.0.0.1, and ends with the test, failed or not.
//!
//! | module | what it runs |
//! |---|---|
//! | [`daemon`] | pushd |
//! | [`wamp`] | a WAMP v1 client, as a page has one |
//! | [`wire`] | one connection, byte by byte, for what no proper client would send |
//! | [`publisher`] | the private door: raw JSON and the native protocol |
//! | [`stream`] | the connection that all of these use |
//! | [`relay`] | a machine on the way that stops forwarding and closes nothing |
//! | [`traffic`] | many of these at once |
//! | [`churn`] | connections that come and go |
//! | [`history`] | what was published, what arrived, and whether it could be so |
//! | [`bystander`] | a subscriber and a publisher that must not notice what others do |
//! | [`resources`] | what a process takes of the machine |
//! | [`random`] | numbers that are the same every time |
//! | [`browser`] | headless Chromium |
//! | [`front`] | nginx and Apache with HTTPS in front of pushd |
//! | [`blog`] | the demo blog, as its readers use it |
//! | [`php`] | PHP: command line, its own web server, php-fpm, Apache |
//! | [`mariadb`] | a database |
//! | [`wordpress`] | WordPress with the plugin |
//! | [`machine`] | a copy of this machine, to install packages in |
//! | [`c`] | C and C++ programs, and valgrind |
//! | [`program`] | any program that runs to its end |
//!
//! Everything here panics with a message: it is only used by tests. A part that is dropped by a
//! panicking test shows its log. The programs are those of the release build: `cargo xtask build`.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a failure in the harness is a failed test"
)]

pub mod blog;
pub mod browser;
pub mod bystander;
pub mod c;
pub mod churn;
pub mod daemon;
pub mod front;
pub mod history;
pub mod log;
pub mod machine;
pub mod mariadb;
pub mod php;
pub mod ports;
pub mod program;
pub mod publisher;
pub mod random;
pub mod relay;
pub mod resources;
pub mod stream;
pub mod traffic;
pub mod wamp;
pub mod wire;
pub mod wordpress;

use std::path::PathBuf;

/// How long anything that should happen at once may take on a busy machine.
pub const WAIT_MS: u64 = 15_000;

/// A file of the release build.
///
/// # Panics
/// When it isn't built; the message names the command to run.
pub fn artefact(name: &str) -> PathBuf {
    workspace()
        .artefact(name)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A program of the debug build: `xtask`, or `examples/NAME`.
///
/// # Panics
/// When it isn't built; the message names the command to run.
pub fn debug_program(name: &str) -> PathBuf {
    workspace()
        .debug_program(name)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The project's folders.
pub fn workspace() -> xtask::workspace::Workspace {
    xtask::workspace::Workspace::find().unwrap_or_else(|error| panic!("{error}"))
}
