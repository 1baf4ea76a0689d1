//! The service manager: sockets that it hands over, and messages about the state of the daemon.

#[cfg(not(unix))]
mod absent;
#[cfg(unix)]
mod manager;

#[cfg(not(unix))]
pub(crate) use absent::{SocketError, listeners, ready, reloading, stopping, watch};
#[cfg(unix)]
pub(crate) use manager::{SocketError, listeners, ready, reloading, stopping, watch};
