//! The other end of a publisher's connection.

use std::net::IpAddr;

/// Who publishes.
#[derive(Debug)]
pub(crate) struct Peer {
    /// For the log.
    pub(crate) name: String,
    pub(crate) door: Door,
}

/// How a publisher has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Unix,
    /// To this address of ours.
    Tcp {
        local: Option<IpAddr>,
    },
}
