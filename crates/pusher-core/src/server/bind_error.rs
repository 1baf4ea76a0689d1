//! Errors of opening the listeners.

use std::io;
use std::net::SocketAddr;

use crate::config::{TicketOptionsError, WebhookOptionsError};

/// A listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The operating system returned an error.
    #[error("cannot listen for {peers} on {address}: {source}")]
    Listen {
        /// "browsers", "publishers" or "signed requests".
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
    /// The options of tickets contradict others.
    #[error(transparent)]
    Tickets(#[from] TicketOptionsError),
    /// The options of webhooks do not go together.
    #[error(transparent)]
    Webhooks(#[from] WebhookOptionsError),
}
