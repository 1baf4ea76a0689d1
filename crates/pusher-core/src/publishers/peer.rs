//! The other end of a publisher's connection.

use std::net::IpAddr;

/// The publisher at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// For the log.
    pub(crate) name: String,
    pub(crate) transport: Transport,
}

/// The transport of a publisher's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Unix,
    Tcp {
        /// The server's address of this connection. `None` if the system does not tell it.
        local: Option<IpAddr>,
    },
}
