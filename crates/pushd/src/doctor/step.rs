//! The steps that the doctor checks.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::fault::Fault;

/// The steps, in the order in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// The Redis server of the settings accepts commands and writes.
    Redis,
    /// The replicas of Redis follow it.
    Replicas,
    /// Redis keeps the event log if its memory is full.
    Memory,
    /// Redis has a file for restarts.
    File,
    /// The clock of Redis is that of this machine.
    Clock,
    /// The daemons that share the log see each other.
    Nodes,
    /// The host name resolves.
    Dns,
    /// An address accepts a connection.
    Tcp,
    /// The certificate is valid.
    Tls,
    /// The certificate stays valid for some time.
    Expiry,
    /// The HTTP request becomes a WebSocket.
    WebSocket,
    /// The server at the other end is pushd.
    Welcome,
    /// The same path serves the client script.
    Script,
    /// An event that is published on port 5555 arrives.
    Event,
    /// An event arrives by Server-Sent Events, too.
    Stream,
    /// The key file of tickets is safe, and pushd has its keys.
    Keys,
    /// A private topic needs a ticket, and a ticket is enough.
    Tickets,
    /// The clock of the site is that of this machine.
    Site,
    /// A cookie of the site reaches pushd.
    Cookie,
    /// A connection without events stays open.
    Idle,
}

impl Step {
    /// Returns whether its fault is a warning. Others are failures.
    pub(super) fn only_warns(self) -> bool {
        matches!(
            self,
            Self::Replicas
                | Self::Memory
                | Self::File
                | Self::Clock
                | Self::Expiry
                | Self::Script
                | Self::Stream
                | Self::Site
                | Self::Cookie
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Redis => "Redis",
            Self::Replicas => "replicas",
            Self::Memory => "memory",
            Self::File => "file",
            Self::Clock => "clock",
            Self::Nodes => "nodes",
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Expiry => "expiry",
            Self::WebSocket => "WebSocket",
            Self::Welcome => "WELCOME",
            Self::Script => "pusher.js",
            Self::Event => "event",
            Self::Stream => "stream",
            Self::Keys => "keys",
            Self::Tickets => "tickets",
            Self::Site => "site",
            Self::Cookie => "cookie",
            Self::Idle => "idle",
        })
    }
}

/// Describes a step that did not end within its timeout.
pub(super) fn timed_out(step: Step, timeout: Duration) -> Fault {
    let todo = match step {
        Step::Redis | Step::Replicas | Step::Memory | Step::File | Step::Clock => {
            "Redis accepts connections and does not reply: is it busy (`redis-cli SLOWLOG GET`), or stopped?"
        }
        Step::Dns => "This machine's name servers do not answer: check /etc/resolv.conf.",
        Step::Tcp | Step::Tls | Step::Expiry => {
            "A program accepts connections there and sends nothing: is it a web server with HTTPS?"
        }
        Step::WebSocket | Step::Script => {
            "The web server accepts the request and does not answer. It may wait for pushd: is pushd running, and does \
             the web server pass the path on to the address that pushd listens on? Or does another program listen there?"
        }
        Step::Site | Step::Cookie => {
            "The web server of the site does not answer: --site names another of its pages."
        }
        Step::Welcome => {
            "The WebSocket is open, and pushd's first message does not arrive. Either the path leads to another \
             WebSocket server, or a program on the way holds responses back (a buffer, a virus scanner)."
        }
        Step::Nodes | Step::Event | Step::Stream | Step::Keys | Step::Tickets | Step::Idle => {
            "The connection accepts what is sent, and nothing comes back through it."
        }
    };
    Fault::new("timeout", format!("no answer within {timeout:?}"), todo)
}
