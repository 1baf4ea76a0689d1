//! Errors of opening the listeners.

use std::io;
use std::net::SocketAddr;

/// A door could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The operating system says no.
    #[error("cannot listen for {whom} on {address}: {source}")]
    Listen {
        /// "browsers" or "publishers".
        whom: &'static str,
        /// The address that was asked for.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others than this machine could publish, without any secret.
    #[error("whoever can reach {address} could publish there: that needs a token")]
    TokenNeeded {
        /// The address that was asked for.
        address: SocketAddr,
    },
}
