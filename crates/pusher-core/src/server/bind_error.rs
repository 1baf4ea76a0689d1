//! Errors of opening the listeners.

use std::io;
use std::net::SocketAddr;

/// A listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The operating system returned an error.
    #[error("cannot listen for {peers} on {address}: {source}")]
    Listen {
        /// "browsers" or "publishers".
        peers: &'static str,
        /// The configured address.
        address: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Other machines could publish without a token.
    #[error(
        "other machines can reach {address}: publishing there needs a token, set publish-token"
    )]
    TokenNeeded {
        /// The configured address.
        address: SocketAddr,
    },
}
