//! pushd behind Debian's nginx, Apache, Caddy and HAProxy with HTTPS.
//!
//! | module | contents |
//! |---|---|
//! | `every_server` | the output of `pushd setup` works in each of them |
//! | `faults` | `pushd doctor` finds the fault of an incomplete configuration |
//! | `publishing` | publishing through nginx |

mod every_server;
mod faults;
pub(crate) mod publishing;

use std::net::SocketAddr;

use serde_json::Value;
use system_tests::daemon;
use system_tests::front::{Front, Mpm, PROXY_MODULES};
use system_tests::{WAIT_MS, program};

/// A way to start a web server with these lines.
type Start = fn(&str) -> Front;

/// Each web server: its name in messages, its name for `pushd setup`, and its start. Apache has two processing modules.
const SERVERS: [(&str, &str, Start); 5] = [
    ("nginx", "nginx", Front::nginx),
    ("Apache, event", "apache", |lines| {
        Front::apache(Mpm::Event, PROXY_MODULES, lines)
    }),
    ("Apache, prefork", "apache", |lines| {
        Front::apache(Mpm::Prefork, PROXY_MODULES, lines)
    }),
    ("Caddy", "caddy", Front::caddy),
    ("HAProxy", "haproxy", Front::haproxy),
];

/// Returns the output of `pushd setup` for a pushd at `listen`.
#[track_caller]
pub(super) fn setup(server: &str, listen: SocketAddr, path: &str) -> String {
    let mut command = daemon::command("pushd");
    command.args(["--config=/dev/null", "--listen", &listen.to_string()]);
    program::run(command.args(["setup", server, "--path", path]), WAIT_MS).success()
}

/// Starts each web server in front of a pushd at `listen`, one after the other.
fn fronts(listen: SocketAddr, path: &str) -> impl Iterator<Item = (&'static str, Front)> {
    SERVERS
        .into_iter()
        .map(move |(name, server, start)| (name, start(&setup(server, listen, path))))
}

/// Returns the doctor's output and whether it found no fault. The doctor trusts the front's certificate.
#[track_caller]
fn doctor(front: &Front, words: &[&str]) -> (Value, bool) {
    let mut command = daemon::command("pushd");
    let ended = program::run(
        command
            .args(["--config=/dev/null", "doctor", "--json", "--ca-certificate"])
            .arg(front.certificate())
            .args(words),
        4 * WAIT_MS,
    );
    let report = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|_| panic!("{}{}", ended.stdout, ended.stderr));
    (report, ended.status.success())
}
